/// How much a YAML text may ask for.
package struct YAMLLimits: Sendable {
    /// The longest text in bytes.
    package var bytes = 16 << 20

    /// How deep sequences and mappings may nest, aliases followed.
    package var depth = 64

    /// How many nodes there may be, each alias counting as all it stands for.
    package var nodes = 100_000

    /// The usual limits.
    package init() {}
}
