// What libFuzzer calls. It is no target of the package: only a link with -sanitize=fuzzer has the main function that
// it needs, so `swift build` of everything would fail. tools/fuzz compiles it over the modules that were built.
import FuzzTargets

#if canImport(Glibc)
    import Glibc
#endif

private let target: FuzzTarget = {
    let name = getenv("IPFS_KIT_FUZZ_TARGET").map { String(cString: $0) } ?? ""
    guard let target = FuzzTarget.named(name) else { fatalError("IPFS_KIT_FUZZ_TARGET names no target: \(name)") }
    return target
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    do { try target.run(Array(UnsafeBufferPointer(start: start, count: count))) } catch { fatalError("\(error)") }
    return 0
}
