/// A way to reach an operation.
package enum Surface: String, Sendable, CaseIterable {
    case commandLine = "command line"
    case rest
    case mcp
    case library

    /// Whether who comes by it is the owner himself, in a shell or a program of his: he may name files and programs.
    package var isOwners: Bool { self == .commandLine || self == .library }
}

/// A row of the table of all operations: one of them, and where it is shown.
package struct OperationRow: Sendable {
    package let operation: any Operation.Type
    package let surfaces: Set<Surface>

    fileprivate init(_ operation: any Operation.Type, on surfaces: Set<Surface>) {
        (self.operation, self.surfaces) = (operation, surfaces)
    }
}

private typealias Row = OperationRow

/// Everything that ipfs-kit can do, in the order in which it is shown.
///
/// Nothing is shown anywhere by itself: REST leaves out what is about files of the caller, and what could lead the
/// owner's credentials elsewhere or trust settings that came from a snapshot; MCP has a short list.
package let operationTable: [OperationRow] = [
    Row(Initialise.self, on: [.commandLine, .library]),
    Row(Add.self, on: [.commandLine, .library]),
    Row(Get.self, on: [.commandLine, .library]),
    Row(Cat.self, on: [.commandLine, .rest]),
    Row(List.self, on: [.commandLine, .rest]),
    Row(DAGGet.self, on: [.commandLine, .rest]),
    Row(DAGPut.self, on: [.commandLine]),
    Row(DAGResolve.self, on: [.commandLine, .rest]),
    Row(DAGStat.self, on: [.commandLine, .rest]),
    Row(DAGExport.self, on: [.commandLine, .rest]),
    Row(DAGImport.self, on: [.commandLine]),
    Row(CARInspect.self, on: [.commandLine]),
    Row(CARVerify.self, on: [.commandLine]),
    Row(CARCreate.self, on: [.commandLine]),
    Row(CARExtract.self, on: [.commandLine]),
    Row(CARSplit.self, on: [.commandLine]),
    Row(CARJoin.self, on: [.commandLine]),
    Row(CARConvert.self, on: [.commandLine]),
    Row(CARMakeIndex.self, on: [.commandLine]),
    Row(BlockGet.self, on: [.commandLine, .rest]),
    Row(BlockPut.self, on: [.commandLine]),
    Row(BlockStat.self, on: [.commandLine, .rest]),
    Row(FormatCID.self, on: [.commandLine]),
    Row(ConvertCID.self, on: [.commandLine, .rest]),
    Row(DescribeCID.self, on: [.commandLine, .rest]),
    Row(Collect.self, on: [.commandLine, .rest]),
    Row(StoreVerify.self, on: [.commandLine, .rest]),
    Row(StoreRebuildIndex.self, on: [.commandLine]),
    Row(StoreStat.self, on: [.commandLine, .rest]),
    Row(PinAdd.self, on: [.commandLine, .rest]),
    Row(PinRemove.self, on: [.commandLine, .rest, .library]),
    Row(PinList.self, on: [.commandLine, .rest, .mcp, .library]),
    Row(PinShow.self, on: [.commandLine, .rest, .mcp]),
    Row(PinImport.self, on: [.commandLine]),
    Row(BackendTypes.self, on: [.commandLine, .rest, .mcp]),
    Row(BackendList.self, on: [.commandLine, .rest, .mcp]),
    Row(BackendCreate.self, on: [.commandLine, .library]),
    Row(BackendImportRclone.self, on: [.commandLine]),
    Row(BackendShow.self, on: [.commandLine, .rest, .mcp]),
    Row(BackendUpdate.self, on: [.commandLine]),
    Row(BackendRemove.self, on: [.commandLine, .rest]),
    Row(BackendEnable.self, on: [.commandLine]),
    Row(BackendDisable.self, on: [.commandLine, .rest]),
    Row(BackendHealth.self, on: [.commandLine, .rest, .library]),
    Row(BackendUsage.self, on: [.commandLine, .rest, .library]),
    Row(BackendTest.self, on: [.commandLine, .rest, .mcp]),
    Row(BackendCertify.self, on: [.commandLine]),
    Row(BackendMount.self, on: [.commandLine]),
    Row(BackendUnmount.self, on: [.commandLine]),
    Row(BackendLs.self, on: [.commandLine, .rest]),
    Row(BackendStat.self, on: [.commandLine, .rest, .mcp]),
    Row(BackendVersions.self, on: [.commandLine, .rest]),
    Row(BackendGet.self, on: [.commandLine, .rest]),
    Row(BackendPut.self, on: [.commandLine]),
    Row(BackendPeers.self, on: [.commandLine, .rest]),
    Row(BackendPeersForget.self, on: [.commandLine, .rest]),
    Row(BackendPinAdd.self, on: [.commandLine, .rest]),
    Row(BackendPinList.self, on: [.commandLine, .rest]),
    Row(BackendPinFind.self, on: [.commandLine, .rest]),
    Row(BackendPinRemove.self, on: [.commandLine, .rest]),
    Row(BackendPinURL.self, on: [.commandLine, .rest]),
    Row(BackendIndexRebuild.self, on: [.commandLine, .rest]),
    Row(WhereIs.self, on: [.commandLine, .rest, .mcp, .library]),
    Row(BackendMarkDirty.self, on: [.commandLine, .rest]),
    Row(BackendDirty.self, on: [.commandLine, .rest, .mcp]),
    Row(Sync.self, on: [.commandLine, .rest, .library]),
    Row(Status.self, on: [.commandLine, .rest, .mcp]),
    Row(Verify.self, on: [.commandLine, .rest, .library]),
    Row(Restore.self, on: [.commandLine, .rest]),
    Row(Recover.self, on: [.commandLine, .library]),
    Row(SnapshotList.self, on: [.commandLine, .rest]),
    Row(SnapshotShow.self, on: [.commandLine, .rest]),
    Row(SnapshotPrune.self, on: [.commandLine, .rest]),
    Row(CatalogBackup.self, on: [.commandLine]),
    Row(CatalogAccept.self, on: [.commandLine]),
    Row(Completion.self, on: [.commandLine]),
    Row(PlanMake.self, on: [.commandLine, .rest]),
    Row(PlanList.self, on: [.commandLine, .rest]),
    Row(PlanShow.self, on: [.commandLine, .rest]),
    Row(PlanRemove.self, on: [.commandLine, .rest]),
    Row(PlanApply.self, on: [.commandLine, .rest]),
    Row(ShowLog.self, on: [.commandLine, .rest]),
    Row(Version.self, on: [.commandLine, .rest]),
    Row(ShowSchema.self, on: [.commandLine, .rest]),
]

/// What can be done by one way.
package func operations(on surface: Surface) -> [any Operation.Type] {
    operationTable.filter { $0.surfaces.contains(surface) }.map(\.operation)
}
