// swift-tools-version: 6.2
//
//  5  ipfs-kit                                               the command line
//  4  IPFSKit                                                the public library
//  3  Operations                                             everything ipfs-kit can do, as one table
//  2  Replication   Services   StorageLaws                   the engine | one folder per storage service | their laws
//  1  BlockStore    Catalog   Policies   Storage             what is kept | where it is | should be | the protocols
//  0  IPLD -> Multiformats    Arguments -> Schema            values: no files, no network, no Foundation
// -1  Digests HTTPClient JSONReading SQLite XML YAML        one wrapper per system library or program; none knows IPFS
//     FTPClient -> TLS POSIX    AnnexClient Parquet SFTPClient -> POSIX
//
// Imports go down, or along an arrow drawn on a floor. The build is always run with
// --explicit-target-dependency-import-check error, which refuses an import that is not declared here.

import PackageDescription

let package = Package(
    name: "ipfs-kit",
    products: [
        .executable(name: "ipfs-kit", targets: ["ipfs-kit"]),
        .library(name: "IPFSKit", targets: ["IPFSKit"]),
        .library(name: "BlockStore", targets: ["BlockStore", "IPLD", "Multiformats"]),
        .library(name: "IPLD", targets: ["IPLD", "Multiformats"]),
        .library(name: "ipfskit-parquet", type: .dynamic, targets: ["ParquetShim"]),
        .library(name: "kit-faults", type: .dynamic, targets: ["FaultyCalls"]),
    ],
    targets: [
        .target(name: "CCurl", path: "Sources/C/CCurl"),  // libcurl4-openssl-dev: its headers; loaded when needed
        .c("CBlake2", pkgConfig: "libb2", apt: "libb2-dev"),
        .c("CExpat", pkgConfig: "expat", apt: "libexpat1-dev"),
        .c("COpenSSL", pkgConfig: "libcrypto", apt: "libssl-dev"),
        .c("CParquet", pkgConfig: "parquet", apt: "libparquet-dev"),
        .systemLibrary(name: "CPOSIX", path: "Sources/C/CPOSIX"),
        .systemLibrary(name: "CSpawn", path: "Sources/C/CSpawn"),
        .c("CSQLite", pkgConfig: "sqlite3", apt: "libsqlite3-dev"),
        .c("CTLS", pkgConfig: "libssl", apt: "libssl-dev"),
        .c("CYAML", pkgConfig: "yaml-0.1", apt: "libyaml-dev"),
        .target(name: "FaultyCalls", path: "Sources/C/FaultyCalls"),  // before glibc, for tests of failing calls
        .target(name: "JSONShim", path: "Sources/C/JSONShim"),  // nlohmann-json3-dev: its headers
        .target(name: "ParquetShim", dependencies: ["CParquet"], path: "Sources/C/ParquetShim"),

        .module("AnnexClient", ["POSIX"]),
        .module("Digests", ["CBlake2", "COpenSSL"]),
        .module("FTPClient", ["POSIX", "TLS"]),
        .module("HTTPClient", ["CCurl"]),
        .module("JSONReading", ["JSONShim"]),
        .module("POSIX", ["CPOSIX"]),
        .module("Parquet", ["POSIX"]),
        .module("SFTPClient", ["POSIX"]),
        .module("SQLite", ["CSQLite"]),
        .module("TLS", ["CTLS"]),
        .module("XML", ["CExpat"]),
        .module("YAML", ["CYAML"]),

        .module("Multiformats", ["Digests"]),
        .module("IPLD", ["Multiformats"]),
        .module("Schema", ["JSONReading"]),
        .module("Arguments", ["Schema"]),

        .module("Storage", ["Digests", "IPLD", "Multiformats", "Schema"]),
        .module("Policies", ["Multiformats", "Schema"]),
        .module("BlockStore", ["Digests", "IPLD", "Multiformats", "POSIX"]),
        .module("Catalog", ["Multiformats", "POSIX", "Schema", "SQLite"]),

        .module(
            "Services",
            [
                "AnnexClient", "Digests", "FTPClient", "HTTPClient", "IPLD", "Multiformats", "POSIX", "Schema",
                "SFTPClient", "Storage", "XML",
            ]
        ),
        .module(
            "Replication",
            [
                "BlockStore", "Catalog", "Digests", "IPLD", "Multiformats", "Parquet", "Policies", "POSIX", "Schema",
                "Storage",
            ]
        ),
        .module(
            "Operations",
            [
                "BlockStore", "Catalog", "IPLD", "Multiformats", "Policies", "POSIX", "Replication", "Schema",
                "Services", "Storage", "StorageLaws", "YAML", "Digests",
            ]
        ),
        .module("IPFSKit", ["Catalog", "Multiformats", "Operations", "Replication", "Schema"]),
        .executableTarget(
            name: "ipfs-kit",
            dependencies: ["Arguments", "Operations", "Policies", "POSIX", "Schema", "Storage", "StorageLaws"]
        ),

        .module("Samples"),
        .module("StorageLaws", ["Digests", "Multiformats", "IPLD", "Samples", "Schema", "Storage"]),
        .module(
            "TestKit",
            ["CSpawn", "Digests", "IPLD", "Multiformats", "POSIX", "Samples", "Schema", "Storage", "StorageLaws"]
        ),
        .module("FuzzTargets", ["IPLD", "Multiformats", "Samples", "Schema"]),
        .executableTarget(name: "kit-mutate", dependencies: ["FuzzTargets", "Multiformats", "POSIX"]),
        .executableTarget(
            name: "kit-catalog",
            dependencies: ["Catalog", "Multiformats", "POSIX", "Samples", "Schema"]
        ),
        .executableTarget(
            name: "kit-bench",
            dependencies: ["BlockStore", "Catalog", "IPLD", "Multiformats", "POSIX"]
        ),
        .executableTarget(
            name: "example-change-a-directory",
            dependencies: ["IPLD", "Multiformats"],
            path: "Examples/ChangeADirectory"
        ),
        .executableTarget(
            name: "example-keep-a-folder",
            dependencies: ["IPFSKit"],
            path: "Examples/KeepAFolder"
        ),
        .executableTarget(
            name: "example-keep-blocks",
            dependencies: ["BlockStore", "IPLD", "Multiformats"],
            path: "Examples/KeepBlocks"
        ),
        .executableTarget(
            name: "example-pack-a-file",
            dependencies: ["IPLD", "Multiformats"],
            path: "Examples/PackAFile"
        ),

        .tests(
            "WrapperTests",
            [
                "AnnexClient", "Digests", "FTPClient", "HTTPClient", "JSONReading", "Parquet", "POSIX", "Samples",
                "SFTPClient", "SQLite", "TLS", "XML", "YAML",
            ]
        ),
        .tests("MultiformatsTests", ["Multiformats"]),
        .tests("IPLDTests", ["FuzzTargets", "IPLD", "Multiformats", "Samples"]),
        .tests("SchemaTests", ["Arguments", "JSONReading", "Schema"]),
        .tests("StorageTests", ["IPLD", "Multiformats", "Samples", "Storage", "StorageLaws"]),
        .tests("BlockStoreTests", ["BlockStore", "IPLD", "Multiformats", "POSIX", "Samples"]),
        .tests("CatalogTests", ["Catalog", "Multiformats", "POSIX", "Samples", "Schema", "SQLite"]),
        .tests("PoliciesTests", ["Multiformats", "Policies", "Schema"]),
        .tests(
            "ReplicationTests",
            [
                "BlockStore", "Catalog", "IPLD", "Multiformats", "Policies", "Replication", "Schema", "Storage",
                "StorageLaws",
            ]
        ),
        .tests(
            "ServicesTests",
            [
                "Digests", "FTPClient", "HTTPClient", "IPLD", "Operations", "Samples", "Services", "Schema", "Storage",
                "StorageLaws",
            ]
        ),
        .tests(
            "OperationsTests",
            [
                "BlockStore", "Catalog", "IPLD", "Multiformats", "Operations", "POSIX", "Replication", "Schema",
                "Services", "Storage", "YAML",
            ]
        ),
        .tests("EndToEndTests", ["IPLD", "Multiformats", "Operations", "Samples"]),
        .tests("AdversityTests", ["Operations", "Samples", "Schema", "Services", "Storage"]),
        .tests("HouseRulesTests", ["Operations", "Schema", "Services", "Storage"]),
    ],
    cxxLanguageStandard: .cxx20
)

for target in package.targets where target.type != .system && target.path?.hasPrefix("Sources/C/") != true {
    target.swiftSettings = [
        .swiftLanguageMode(.v6), .strictMemorySafety(), .treatAllWarnings(as: .error),
        .enableUpcomingFeature("ExistentialAny"), .enableUpcomingFeature("ImmutableWeakCaptures"),
        .enableUpcomingFeature("InferIsolatedConformances"), .enableUpcomingFeature("InternalImportsByDefault"),
        .enableUpcomingFeature("MemberImportVisibility"), .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
        .enableExperimentalFeature("Lifetimes"),
    ]
}

extension Target {
    /// A Swift module of the product.
    static func module(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
        .target(name: name, dependencies: dependencies)
    }

    /// A system library: a module map and a shim header in `Sources/C`.
    static func c(_ name: String, pkgConfig: String, apt: String) -> Target {
        .systemLibrary(name: name, path: "Sources/C/\(name)", pkgConfig: pkgConfig, providers: [.apt([apt])])
    }

    /// A test target; every one may use `TestKit`.
    static func tests(_ name: String, _ dependencies: [Target.Dependency] = []) -> Target {
        .testTarget(name: name, dependencies: dependencies + ["TestKit"])
    }
}
