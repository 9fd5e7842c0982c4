package api

// SealCursor lets a test forge cursors.
var SealCursor = sealCursor
