extension CID {
    /// Writes the CID, or parts of it, as a format says, in the way of Kubo's `ipfs cid format`.
    ///
    /// `%s` is the CID and `%S` the same without the prefix of its base; `%b` and `%B` are the name and the prefix of
    /// the base; `%v` and `%V` the version; `%c` and `%C` the codec; `%h` and `%H` the hash function; `%L` the length
    /// of the digest; `%m` and `%M` the multihash, `%d` and `%D` the digest, each with and without the prefix of the
    /// base; `%P` stands for `%v-%c-%h-%L`, and `%%` for a percent sign.
    ///
    /// - Parameters:
    ///   - format: the text with these parts.
    ///   - base: the base to write in; the usual one of the version where it is nil.
    /// - Returns: the text.
    /// - Throws: `.badCharacter` for a part that does not exist; `.badVersion` for a version 0 CID in another base than
    ///   base58btc.
    public func formatted(_ format: String, base: Multibase? = nil) throws(FormatProblem) -> String {
        var text = ""
        var rest = Substring(format)
        while let character = rest.popFirst() {
            guard character == "%" else {
                text.append(character)
                continue
            }
            guard let part = rest.popFirst() else {
                throw FormatProblem(.badCharacter, "The format ends with a single percent sign; %% writes one.")
            }
            text += try self.part(part, base ?? (version == .v0 ? .base58btc : .base32))
        }
        return text
    }

    private func part(_ part: Character, _ base: Multibase) throws(FormatProblem) -> String {
        let hash = hash
        return switch part {
        case "%": "%"
        case "b": base.name
        case "B": base.prefix
        case "v": "cidv\(version.rawValue)"
        case "V": "\(version.rawValue)"
        case "c": codec.name
        case "C": "\(codec.rawValue)"
        case "h": hash.code.name
        case "H": "\(hash.code.rawValue)"
        case "L": "\(hash.digest.count)"
        case "m": base.encode(hash.bytes)
        case "M": base.encodeWithoutPrefix(hash.bytes)
        case "d": base.encode(Array(hash.digest))
        case "D": base.encodeWithoutPrefix(Array(hash.digest))
        case "s": try whole(in: base)
        case "S": base.encodeWithoutPrefix(bytes)
        case "P": "cidv\(version.rawValue)-\(codec.name)-\(hash.code.name)-\(hash.digest.count)"
        default: throw FormatProblem(.badCharacter, "“%\(part)” is no part of a CID.")
        }
    }

    private func whole(in base: Multibase) throws(FormatProblem) -> String {
        if version == .v1 { return base.encode(bytes) }
        guard base == .base58btc else {
            throw FormatProblem(.badVersion, "A version 0 CID is written in base58btc only; version 1 has all bases.")
        }
        return base.encodeWithoutPrefix(bytes)
    }
}
