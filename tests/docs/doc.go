// Package docs holds the pages of this repository to what the repository does. Its tests read
// README.md and docs/, in English and Chinese, and fail when a page says what is not so (any more):
//
//	go test ./tests/docs                        everything, from the root
//	go test ./tests/docs -run 'TestSessions/v3' one page's sessions
//	go test ./tests/docs -run TestQuotes -update  writes quoted code and figures anew, in both languages
//
// What a page quotes is marked by what stands behind the language of a fenced block, which readers do
// not see:
//
//	console          what is typed in terminal 2, a shell in the root of the repository, and what it
//	                 prints. It runs against the chapter.
//	console 1        the same in terminal 1, or 3, where something goes on running: its output is waited
//	                 for. Without a line that begins with "$ ", it is more of that output. ^C is Ctrl-C.
//	console figures  run in the root by itself, for its output: the size of a step, of a file.
//	go FILE NAME     a function, method (Type.Name), type or constant, as the file has it
//	text FILE        lines that stand in a file one after the other, perhaps as a comment
//	sh               what readers may type elsewhere; it is not run
//
// In what is printed, <name> stands for what varies. <date>, <time>, <number>, <n>, <pid> and <address>
// may differ each time; any other name stands for one thing throughout the page, and can be used in
// commands once it has been printed. <pid of NAME> in a command is the process id that startup.sh has
// printed for a service of that name, or for one at the address that NAME stands for.
//
// Ports and directories are not those that the pages name: commands are rewritten before they are
// run, and what they print is rewritten back, so that a reader's own store is left alone.
package docs
