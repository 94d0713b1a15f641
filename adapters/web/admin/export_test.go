package admin

// Merge is what a patch is applied by.
var Merge = merge
