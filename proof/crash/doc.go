// Package crash holds no code to use, only proofs about the embedded engine. Its
// tests end the program, cut the power or fill the disk at every place where that
// could hurt, open what is left with the code of the real binary, and demand that
// all that a client was told is true, and that every order comes to its end.
//
//	script ─▶ api ─▶ services ─▶ stores, queues     dies at point k = 1, 2, 3, …
//	   │                             │
//	   └─▶ what the client was told  └─▶ the folder ─▶ recovery ─▶ audit
//
// A run of go test looks at every so many points; -every 1 looks at all of them.
package crash
