internal import Foundation
internal import Testing

/// Libraries that take the place of functions of the system's, in programs that tests run.
package enum Preload {
    /// Compiles a library out of C in the running test's folder and returns its path, for `LD_PRELOAD`.
    package static func library(_ source: String, _ name: String = "preload") async throws -> String {
        try Requirement.check("cc", program: "cc")
        let (code, library) = (Scratch.current + "/\(name).c", Scratch.current + "/\(name).so")
        try Data(source.utf8).write(to: URL(filePath: code))
        let compiler = try #require(Programs.find("cc"))
        let result = try await ProcessRunner.run(compiler, ["-shared", "-fPIC", "-o", library, code])
        try #require(result.code == 0, "\(result.errorText)")
        return library
    }

    /// The environment of a user for whose programs the clock on the wall is so many seconds off: those that stand in
    /// the file at `path` by then, and at first `offset`.
    package static func clock(_ user: User, offset: String, path: String? = nil) async throws -> [String: String] {
        let file = path ?? "\(user.folder)/clock-offset"
        try Data(offset.utf8).write(to: URL(filePath: file))
        let preloaded = ["LD_PRELOAD": try await library(clockSource, "clock"), "CLOCK_OFFSET_FILE": file]
        return user.environment.merging(preloaded) { $1 }
    }

    private static let clockSource = """
        #define _GNU_SOURCE
        #include <fcntl.h>
        #include <stdlib.h>
        #include <sys/syscall.h>
        #include <time.h>
        #include <unistd.h>
        int clock_gettime(clockid_t id, struct timespec *t) {
          int r = syscall(SYS_clock_gettime, id, t);
          const char *path = getenv("CLOCK_OFFSET_FILE");
          if (id != CLOCK_REALTIME || r || !path) return r;
          int f = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0);
          if (f < 0) return r;
          char text[32] = {0};
          syscall(SYS_read, f, text, 31);
          syscall(SYS_close, f);
          t->tv_sec += atol(text);
          return r;
        }
        """
}
