// Package docs checks that the pages of this repository agree with the code. Its tests read
// README.md and docs/, in English and Chinese, and CONTRIBUTING.md. They fail when a page is wrong
// or outdated:
//
//	go test ./tests/docs                        everything, from the root
//	go test ./tests/docs -run 'TestSessions/v3' one page's sessions
//	go test ./tests/docs -run TestQuotes -update  updates quoted code and figures, in both languages
//
// The info string of a fenced block says what the block quotes; readers do not see it:
//
//	console          what is typed in terminal 2, a shell in the root of the repository, and what it
//	                 prints. It runs against the chapter.
//	console 1        the same in terminal 1, or 3, where a program keeps running: the test waits
//	                 for its output. A block without a line that begins with "$ " is more of that
//	                 output. ^C is Ctrl-C.
//	console figures  runs in the root, without a store: the size of a step or of a file.
//	go FILE NAME     a function, method (Type.Name), type or constant of the file
//	text FILE        consecutive lines of a file, possibly in a comment
//	sh               commands that readers may run elsewhere; not run here
//
// In output, <name> is a placeholder for text that varies. <date>, <time>, <number>, <n>, <pid> and
// <address> may differ each time. Any other name has one value throughout the page and can be used
// in commands after it was printed. <pid of NAME> in a command is the process id that startup.sh
// has printed for the service of that name, or at the address that is the value of NAME.
//
// Commands are rewritten to use other ports and directories than the pages, and their output is
// rewritten back, so that a reader's own store is not touched.
package docs
