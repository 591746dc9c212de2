// Nothing is called from outside: the library is loaded before a program, and stands between it and glibc.
//
//   LD_PRELOAD=libkit-faults.so KIT_FAULTS='under=/folder;log=/file;call=pwrite;nth=3;error=28;mode=once' program
//
// Calls that concern something below `under`, and writes to standard output, are counted by kind; the counts are at
// the start of `log`, a file of 4096 bytes. The `nth` call of the kind `call` goes wrong as `mode` says:
//
//   once       it fails with the number `error`
//   from       it fails, and so does each later one of its kind
//   alternate  it fails, and so does every second one after it
//   done       it does its work and then fails
//   short      it reads or writes a part
//   lost       it fails, and what was written since the last flush is lost: what Linux does when a flush fails
//   kill       the process ends before it
//   torn       the process ends in the midst of it: a write has done a half
//   last       the process ends after it
//   cut        the power fails before it: the process ends, and nothing stays that was not flushed
//
// `name` counts only calls on paths with this text in them. The kind `exit` is the orderly end of the process.
