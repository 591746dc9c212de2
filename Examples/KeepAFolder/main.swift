// Keeps a folder on a second disk, loses the kit home, and gets the folder back.
//
//   swift run example-keep-a-folder FOLDER DISK WORK
//
// FOLDER is kept, DISK is an empty folder that stands for the second disk, WORK is a folder for everything else.

import IPFSKit

guard CommandLine.arguments.count == 4 else {
    print("usage: example-keep-a-folder FOLDER DISK WORK")
    throw CancellationError()
}
let (folder, disk, work) = (CommandLine.arguments[1], CommandLine.arguments[2], CommandLine.arguments[3])

let kit = try await Kit.open(at: work + "/home", createIfMissing: true)
let root = try await kit.add(folder, name: "my folder")
print("added \(root)")

try await kit.createBackend("disk", type: "filesystem", settings: ["path": disk])
for result in try await kit.sync() {
    print("\(result.backend): \(result.uploaded) uploaded, in step: \(result.isInStep)")
}
for location in try await kit.locations(of: root) {
    print("\(location.backend): \(location.path), verified: \(location.isVerified)")
}

// Another machine: nothing is left but the disk.
let rebuilt = try await Kit.open(at: work + "/rebuilt", createIfMissing: true)
try await rebuilt.createBackend("disk", type: "filesystem", settings: ["path": disk])
let isWhole = try await rebuilt.recover(from: "disk")
for pin in try await rebuilt.pins() { print("recovered \(pin.name): \(pin.root), whole: \(isWhole)") }
try await rebuilt.extract(root, to: work + "/folder")
print("wrote \(work)/folder")
