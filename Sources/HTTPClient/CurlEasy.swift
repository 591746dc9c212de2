internal import CCurl

/// One curl easy handle, made ready for one transfer; used on the curl thread only.
@safe
final class CurlEasy {
    let transfer: Transfer
    let handle: UnsafeMutableRawPointer
    private var headers: UnsafeMutablePointer<curl_slist>?
    private let errorText: UnsafeMutablePointer<CChar>
    private var bytesMoved: Int64 = 0
    private var lastMove = ContinuousClock.now

    /// A handle for a transfer; throws when there is no memory or curl refuses the URL.
    init(_ transfer: Transfer) throws(HTTPError) {
        guard let handle = unsafe curl_easy_init() else {
            throw HTTPError(code: .unexpected, message: "There is no memory for a request to \(transfer.location).")
        }
        self.transfer = transfer
        unsafe self.handle = handle
        unsafe errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        unsafe errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        unsafe setPointer(CURLOPT_ERRORBUFFER, errorText)
        setConnection()
        setRequest()
        // The loop keeps the transfer alive for as long as the handle is in use.
        let context = unsafe Unmanaged.passUnretained(transfer).toOpaque()
        unsafe shim_easy_set_callbacks(handle, context, onHeader, onWrite, onRead, onSeek)
        guard setString(CURLOPT_URL, transfer.request.url) else {
            throw HTTPError(code: .badURL, message: "The URL of a request to \(transfer.location) is malformed.")
        }
    }

    deinit {
        unsafe curl_easy_cleanup(handle)
        unsafe curl_slist_free_all(headers)
        unsafe errorText.deallocate()
    }

    /// What curl says of its last failure.
    var errorDetail: String { unsafe String(cString: errorText) }

    /// The bytes of the request's body that went out.
    var bytesSent: Int64 { unsafe Int64(shim_easy_offset_info(handle, CURLINFO_SIZE_UPLOAD_T)) }

    /// The number of connections that had to be opened.
    var newConnections: Int { unsafe Int(shim_easy_long_info(handle, CURLINFO_NUM_CONNECTS)) }

    /// Lifts what pauses can be lifted.
    func resume() -> CURLcode {
        let left = transfer.liftPauses()
        let flags = (left.receiving ? CURLPAUSE_RECV : 0) | (left.sending ? CURLPAUSE_SEND : 0)
        return unsafe curl_easy_pause(handle, flags)
    }

    /// How long nothing has moved although the caller is not the cause.
    func stillness(now: ContinuousClock.Instant, isWaitingForCaller: Bool) -> Duration {
        let moved =
            unsafe Int64(shim_easy_offset_info(handle, CURLINFO_SIZE_UPLOAD_T))
            &+ Int64(shim_easy_offset_info(handle, CURLINFO_SIZE_DOWNLOAD_T))
            &+ Int64(shim_easy_long_info(handle, CURLINFO_HEADER_SIZE))
            &+ Int64(shim_easy_long_info(handle, CURLINFO_REQUEST_SIZE))
        // Until the connection is open, the connect timeout is the one that counts.
        let isConnecting = unsafe shim_easy_offset_info(handle, CURLINFO_PRETRANSFER_TIME_T) == 0
        if moved != bytesMoved || isWaitingForCaller || isConnecting {
            bytesMoved = moved
            lastMove = now
        }
        return now - lastMove
    }

    private func setConnection() {
        let options = transfer.options
        setLong(CURLOPT_NOSIGNAL, 1)
        // A transfer that ends does not wait for a slow name server: all others would wait with it.
        setLong(CURLOPT_QUICK_EXIT, 1)
        setString(CURLOPT_PROTOCOLS_STR, "http,https")
        setLong(CURLOPT_CONNECTTIMEOUT_MS, max(options.connectTimeout.milliseconds, 1))
        setLong(CURLOPT_TCP_NODELAY, 1)
        setLong(CURLOPT_TCP_KEEPALIVE, 1)
        setLong(CURLOPT_BUFFERSIZE, 512 << 10)
        setLong(
            CURLOPT_HTTP_VERSION,
            options.allowsHTTP2 ? Int(CURL_HTTP_VERSION_2TLS) : Int(CURL_HTTP_VERSION_1_1)
        )
        setLong(CURLOPT_SSL_VERIFYPEER, options.verifyTLS ? 1 : 0)
        setLong(CURLOPT_SSL_VERIFYHOST, options.verifyTLS ? 2 : 0)
        if let caFile = options.caFile { setString(CURLOPT_CAINFO, caFile) }
        if let certificate = options.clientCertificate { setString(CURLOPT_SSLCERT, certificate) }
        if let key = options.clientKey { setString(CURLOPT_SSLKEY, key) }
        switch options.minimumTLS {
        case .v12: setLong(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_2))
        case .v13: setLong(CURLOPT_SSLVERSION, Int(CURL_SSLVERSION_TLSv1_3))
        case nil: break
        }
        if let proxy = options.proxy {
            setString(CURLOPT_PROXY, proxy)
            // Who names one means it for every host.
            setString(CURLOPT_NOPROXY, "")
        } else if !options.usesEnvironmentProxy {
            setString(CURLOPT_PROXY, "")
        }
        setLong(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1)
        setLong(CURLOPT_PATH_AS_IS, 1)
        setString(CURLOPT_USERAGENT, options.userAgent)
    }

    private func setRequest() {
        let request = transfer.request
        if request.isUpload {
            setLong(CURLOPT_UPLOAD, 1)
            unsafe _ = shim_easy_set_offset(handle, CURLOPT_INFILESIZE_LARGE, Int(clamping: request.body.length))
            setLong(CURLOPT_UPLOAD_BUFFERSIZE, Int(min(max(request.body.length, 64 << 10), 512 << 10)))
            setLong(CURLOPT_EXPECT_100_TIMEOUT_MS, 1000)
        } else if request.method == "HEAD" {
            setLong(CURLOPT_NOBODY, 1)
        }
        // curl sends a request again when a kept connection is dead, and cannot know whether the server acted before.
        if !request.isRepeatable { setLong(CURLOPT_FRESH_CONNECT, 1) }
        setString(CURLOPT_CUSTOMREQUEST, request.method)
        for line in transfer.headerLines { unsafe headers = curl_slist_append(headers, line) ?? headers }
        unsafe setPointer(CURLOPT_HTTPHEADER, headers)
    }

    private func setLong(_ option: CURLoption, _ value: Int) {
        unsafe _ = shim_easy_set_long(handle, option, value)
    }

    @discardableResult
    private func setString(_ option: CURLoption, _ value: String) -> Bool {
        unsafe shim_easy_set_string(handle, option, value) == CURLE_OK
    }

    private func setPointer(_ option: CURLoption, _ value: UnsafeMutableRawPointer?) {
        unsafe _ = shim_easy_set_pointer(handle, option, value)
    }
}

extension Duration {
    /// The whole milliseconds, kept within what C's `int` can hold.
    var milliseconds: Int {
        let (seconds, attoseconds) = components
        return Int(min(max(seconds, 0), 2_000_000)) * 1000 + Int(attoseconds / 1_000_000_000_000_000)
    }
}

/// The transfer that curl's callbacks are given as context.
func transfer(behind context: UnsafeMutableRawPointer?) -> Transfer? {
    guard let context = unsafe context else { return nil }
    return unsafe Unmanaged<Transfer>.fromOpaque(context).takeUnretainedValue()
}

private func onHeader(
    bytes: UnsafeMutablePointer<CChar>?,
    size: Int,
    count: Int,
    context: UnsafeMutableRawPointer?
) -> Int {
    let line = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
    // Any other number than that of the bytes makes curl give up.
    return unsafe transfer(behind: context)?.receiveHeader(line) == true ? line.count : line.count + 1
}

private func onWrite(
    bytes: UnsafeMutablePointer<CChar>?,
    size: Int,
    count: Int,
    context: UnsafeMutableRawPointer?
) -> Int {
    let part = unsafe UnsafeRawBufferPointer(start: bytes, count: size * count)
    return switch unsafe transfer(behind: context)?.receive(part) {
    case .taken: part.count
    case .wait: Int(CURL_WRITEFUNC_PAUSE)
    case .tooLarge, nil: part.count + 1
    }
}

private func onRead(
    bytes: UnsafeMutablePointer<CChar>?,
    size: Int,
    count: Int,
    context: UnsafeMutableRawPointer?
) -> Int {
    let buffer = unsafe UnsafeMutableRawBufferPointer(start: bytes, count: size * count)
    guard let transfer = unsafe transfer(behind: context) else { return Int(CURL_READFUNC_ABORT) }
    return unsafe transfer.send(into: buffer) ?? Int(CURL_READFUNC_PAUSE)
}

private func onSeek(context: UnsafeMutableRawPointer?, offset: curl_off_t, origin: Int32) -> Int32 {
    guard offset == 0, origin == 0, let transfer = unsafe transfer(behind: context), transfer.rewind() else {
        return CURL_SEEKFUNC_FAIL
    }
    return CURL_SEEKFUNC_OK
}
