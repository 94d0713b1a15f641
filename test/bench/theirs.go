package main

var theirs []measurement
