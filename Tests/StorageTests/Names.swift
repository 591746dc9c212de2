import Storage

/// The name that is legal by what the test knows of it.
func name(_ text: String) throws -> ObjectName {
    guard let name = ObjectName(text) else { throw StorageError(.unexpected, "“\(text)” is no name.") }
    return name
}
