package operation

// Encode shows the form in which records are compared.
var Encode = encode
