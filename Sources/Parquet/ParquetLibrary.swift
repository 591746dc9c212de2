internal import Glibc
internal import POSIX

/// The functions of `libipfskit-parquet.so`, which is loaded when the first Parquet file is touched: Apache Arrow
/// takes milliseconds to start, and most runs of a program need none of it.
///
/// The signatures are those of `ParquetShim.h`; its version number is compared before any other function is called.
///
/// It holds addresses of functions that never change once they are loaded: that is what makes it `Sendable`.
@safe
struct ParquetLibrary: @unchecked Sendable {
    typealias Problem = UnsafeMutablePointer<CChar>
    typealias Names = UnsafePointer<UnsafePointer<CChar>?>

    let writerOpen:
        @convention(c) (
            UnsafePointer<CChar>, Int32, Names, UnsafePointer<Int32>, UnsafePointer<UInt8>, Int32,
            UnsafeMutablePointer<OpaquePointer?>, Problem, Int64
        ) -> Int32
    let writerMetadata:
        @convention(c) (OpaquePointer, UnsafePointer<CChar>, UnsafePointer<CChar>, Problem, Int64) -> Int32
    let writerBegin: @convention(c) (OpaquePointer, Problem, Int64) -> Int32
    let writerText:
        @convention(c) (
            OpaquePointer, Int64, UnsafePointer<UInt8>?, UnsafePointer<Int64>, UnsafePointer<UInt8>?, Problem, Int64
        ) -> Int32
    let writerInt64:
        @convention(c) (OpaquePointer, Int64, UnsafePointer<Int64>?, UnsafePointer<UInt8>?, Problem, Int64) -> Int32
    let writerClose: @convention(c) (OpaquePointer, Problem, Int64) -> Int32
    let writerFree: @convention(c) (OpaquePointer) -> Void

    let readerOpen:
        @convention(c) (
            UnsafePointer<CChar>, Int64, Int64, UnsafeMutablePointer<OpaquePointer?>, Problem, Int64
        ) -> Int32
    let readerRows: @convention(c) (OpaquePointer) -> Int64
    let readerColumns: @convention(c) (OpaquePointer) -> Int32
    let readerName: @convention(c) (OpaquePointer, Int32) -> UnsafePointer<CChar>
    let readerType: @convention(c) (OpaquePointer, Int32) -> Int32
    let readerTypeName: @convention(c) (OpaquePointer, Int32) -> UnsafePointer<CChar>
    let readerValid: @convention(c) (OpaquePointer, Int32) -> UnsafePointer<UInt8>?
    let readerBytes: @convention(c) (OpaquePointer, Int32) -> UnsafePointer<UInt8>?
    let readerOffsets: @convention(c) (OpaquePointer, Int32) -> UnsafePointer<Int64>
    let readerInt64: @convention(c) (OpaquePointer, Int32) -> UnsafePointer<Int64>?
    let readerDouble: @convention(c) (OpaquePointer, Int32) -> UnsafePointer<Double>?
    let readerMetadata:
        @convention(c) (
            OpaquePointer, Int32, UnsafeMutablePointer<UnsafePointer<CChar>?>,
            UnsafeMutablePointer<UnsafePointer<CChar>?>
        ) -> Int32
    let readerFree: @convention(c) (OpaquePointer) -> Void
}

extension ParquetLibrary {
    private static let version: Int32 = 2
    private static let shared: Result<ParquetLibrary, ParquetError> = Result { () throws(ParquetError) in try load() }

    /// The library, loaded now if it was not before.
    static func loaded() throws(ParquetError) -> ParquetLibrary {
        try shared.get()
    }

    /// Calls a function of the library with room for its text about what went wrong.
    static func attempt(
        _ verb: String,
        _ path: String,
        _ call: (Problem, Int64) -> Int32
    ) throws(ParquetError) {
        var problem = [CChar](repeating: 0, count: 512)
        let capacity = Int64(problem.count)
        let result = unsafe problem.withUnsafeMutableBufferPointer { buffer in
            guard let start = buffer.baseAddress else { return Int32(1) }
            return unsafe call(start, capacity)
        }
        guard result != 0 else { return }
        let text = String(decoding: problem.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        throw ParquetError(result, text, path, verb)
    }

    private static func load() throws(ParquetError) -> ParquetLibrary {
        let handle = unsafe try open()
        let abi = unsafe try symbol(handle, "abi", as: (@convention(c) () -> Int32).self)
        guard abi() == version else { throw unavailable("it belongs to another version of this program") }
        return unsafe try ParquetLibrary(
            writerOpen: symbol(handle, "writer_open"),
            writerMetadata: symbol(handle, "writer_metadata"),
            writerBegin: symbol(handle, "writer_begin"),
            writerText: symbol(handle, "writer_text"),
            writerInt64: symbol(handle, "writer_int64"),
            writerClose: symbol(handle, "writer_close"),
            writerFree: symbol(handle, "writer_free"),
            readerOpen: symbol(handle, "reader_open"),
            readerRows: symbol(handle, "reader_rows"),
            readerColumns: symbol(handle, "reader_columns"),
            readerName: symbol(handle, "reader_name"),
            readerType: symbol(handle, "reader_type"),
            readerTypeName: symbol(handle, "reader_type_name"),
            readerValid: symbol(handle, "reader_valid"),
            readerBytes: symbol(handle, "reader_bytes"),
            readerOffsets: symbol(handle, "reader_offsets"),
            readerInt64: symbol(handle, "reader_int64"),
            readerDouble: symbol(handle, "reader_double"),
            readerMetadata: symbol(handle, "reader_metadata"),
            readerFree: symbol(handle, "reader_free")
        )
    }

    private static func open() throws(ParquetError) -> UnsafeMutableRawPointer {
        let name = "libipfskit-parquet.so"
        var places = ["\(programFolder)/\(name)", "\(programFolder)/../lib/ipfs-kit/\(name)"]
        // Whoever starts a program that runs as somebody else must not choose what is loaded into it.
        let isOwn = getuid() == geteuid() && getgid() == getegid()
        if isOwn, let chosen = environment("IPFS_KIT_PARQUET_LIBRARY"), !chosen.isEmpty { places = [chosen] }
        var problem = "it is not at \(places.joined(separator: " or "))"
        for place in places where unsafe access(place, F_OK) == 0 {
            if let handle = unsafe dlopen(place, RTLD_NOW | RTLD_LOCAL) { return unsafe handle }
            problem = unsafe dlerror().map { unsafe String(cString: $0) } ?? "\(place) cannot be loaded"
        }
        throw unavailable(problem)
    }

    private static func symbol<Function>(
        _ handle: UnsafeMutableRawPointer,
        _ name: String,
        as type: Function.Type = Function.self
    ) throws(ParquetError) -> Function {
        guard let address = unsafe dlsym(handle, "ipfskit_parquet_" + name) else {
            throw unavailable("it has no function \(name)")
        }
        return unsafe unsafeBitCast(address, to: type)
    }

    private static func unavailable(_ problem: String) -> ParquetError {
        let remedy = "Install libipfskit-parquet.so and Apache Arrow C++ (libarrow, libparquet) beside the program, or"
        return ParquetError(
            code: .unavailable,
            message: "The Parquet library cannot be used: \(problem). \(remedy) name it in IPFS_KIT_PARQUET_LIBRARY."
        )
    }
}
