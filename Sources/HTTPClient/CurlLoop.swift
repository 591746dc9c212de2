internal import CCurl

/// The work of the curl thread: starts transfers, moves their bytes, and ends them.
///
/// Confined to that thread.
@safe
final class CurlLoop {
    private let multi: UnsafeMutableRawPointer
    private let options: HTTPOptions
    private let tally: Tally
    private var running: [ObjectIdentifier: CurlEasy] = [:]
    // A queue: taken from `nextWaiting` on, so that taking does not move the rest.
    private var waiting: [Transfer] = []
    private var nextWaiting = 0
    private var nextTick = ContinuousClock.now

    init(multi: UnsafeMutableRawPointer, options: HTTPOptions, tally: Tally) {
        unsafe self.multi = multi
        self.options = options
        self.tally = tally
        unsafe _ = shim_multi_set_long(multi, CURLMOPT_MAXCONNECTS, max(options.maxConnections, 1))
    }

    /// One round: obeys the commands, moves what can be moved, then sleeps until something can be done.
    func turn(_ commands: [CurlThread.Command]) {
        for command in commands { obey(command) }
        repeat {
            startWaiting()
            var count: Int32 = 0
            unsafe _ = curl_multi_perform(multi, &count)
            endFinished()
        } while hasRoom && nextWaiting < waiting.count
        let now = ContinuousClock.now
        if now >= nextTick { tick(now) }
        let pause = running.isEmpty ? 60_000 : max((nextTick - now).milliseconds, 1)
        unsafe _ = curl_multi_poll(multi, nil, 0, Int32(pause), nil)
    }

    /// Ends everything: the client has been let go.
    func close() {
        for easy in running.values { drop(easy.transfer, because: .cancelled(easy.transfer.location)) }
        for transfer in waiting[nextWaiting...] { transfer.end(.failure(.cancelled(transfer.location))) }
    }

    private var hasRoom: Bool { running.count < max(options.maxConnections, 1) }

    private func obey(_ command: CurlThread.Command) {
        switch command {
        case .start(let transfer):
            waiting.append(transfer)
        case .abort(let transfer):
            drop(transfer, because: .cancelled(transfer.location))
        case .resume(let transfer):
            guard let easy = running[ObjectIdentifier(transfer)] else { return }
            let result = easy.resume()
            // Bytes that curl kept back are delivered inside that call, so it can fail the transfer.
            if result != CURLE_OK { finish(easy, result) }
        }
    }

    private func startWaiting() {
        while hasRoom, nextWaiting < waiting.count {
            start(waiting[nextWaiting])
            nextWaiting += 1
        }
        if nextWaiting == waiting.count {
            waiting.removeAll(keepingCapacity: true)
            nextWaiting = 0
        } else if nextWaiting > 1024 {
            waiting.removeFirst(nextWaiting)
            nextWaiting = 0
        }
    }

    private func start(_ transfer: Transfer) {
        guard !transfer.isOver else { return }
        do throws(HTTPError) {
            let easy = try CurlEasy(transfer)
            guard unsafe curl_multi_add_handle(multi, easy.handle) == CURLM_OK else {
                throw HTTPError(
                    code: .unexpected,
                    message: "The request to \(transfer.location) could not be started."
                )
            }
            running[ObjectIdentifier(transfer)] = easy
            tally.started()
        } catch {
            transfer.end(.failure(error))
        }
    }

    private func endFinished() {
        var result = CURLE_OK
        while let handle = unsafe shim_multi_next_done(multi, &result) {
            guard let transfer = unsafe transfer(behind: shim_easy_context(handle)),
                let easy = running[ObjectIdentifier(transfer)]
            else { continue }
            finish(easy, result)
        }
    }

    private func finish(_ easy: CurlEasy, _ result: CURLcode) {
        let transfer = easy.transfer
        if result == CURLE_OK {
            // curl is content when a server says that all went well and closes before it has the body.
            let isDone = (200..<300).contains(transfer.change { $0.head?.status ?? 0 })
            let isUnsent = isDone && easy.bytesSent < Int64(clamping: transfer.request.body.length)
            remove(easy)
            transfer.end(isUnsent ? .failure(.bodyNotSent(transfer.location)) : .success(()))
            return
        }
        let inBody = transfer.change { $0.head != nil }
        drop(
            transfer,
            because: HTTPError(result, location: transfer.location, inBody: inBody, detail: easy.errorDetail)
        )
    }

    /// Ends a transfer in the middle; curl then closes its connection.
    private func drop(_ transfer: Transfer, because error: HTTPError) {
        if let easy = running[ObjectIdentifier(transfer)] { remove(easy) }
        transfer.end(.failure(error))
    }

    private func remove(_ easy: CurlEasy) {
        tally.connected(easy.newConnections)
        unsafe _ = curl_multi_remove_handle(multi, easy.handle)
        running[ObjectIdentifier(easy.transfer)] = nil
    }

    /// Hands out small chunks that have waited, and ends transfers whose time is up.
    private func tick(_ now: ContinuousClock.Instant) {
        nextTick = now + min(max(options.stallTimeout / 8, .milliseconds(10)), .milliseconds(50))
        for easy in running.values {
            let transfer = easy.transfer
            let isWaitingForCaller = transfer.tick()
            if easy.stillness(now: now, isWaitingForCaller: isWaitingForCaller) > options.stallTimeout {
                drop(transfer, because: timedOut("No byte moved to or from \(transfer.location) for too long."))
            }
        }
        guard let limit = options.totalTimeout else { return }
        for transfer in waiting[nextWaiting...] + running.values.map(\.transfer)
        where now - transfer.started > limit {
            drop(transfer, because: timedOut("The request to \(transfer.location) took too long."))
        }
    }

    private func timedOut(_ message: String) -> HTTPError {
        HTTPError(code: .timedOut, message: message)
    }
}
