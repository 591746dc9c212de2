internal import HTTPClient
internal import Storage

extension HTTPClient {
    /// A client whose bytes are counted as those of a backend.
    convenience init(_ options: HTTPOptions, counting meter: Meter) {
        self.init(options) { sent, received in
            meter.add { counts in
                counts.bytesStored += UInt64(sent)
                counts.bytesRead += UInt64(received)
            }
        }
    }
}
