internal import Arguments
internal import Operations
internal import POSIX
internal import Schema
internal import Storage
internal import Synchronization

/// One run of the program.
struct Program: Sendable {
    /// What a shell sees of a program that wrote to a pipe without reader: 128 and the number of SIGPIPE.
    static let brokenPipeCode: Int32 = 141

    /// The words of the command line, as the bytes that they are.
    let words: [[UInt8]]
    let stop: StopSwitch

    /// Does what the words ask for and returns the exit code.
    func run() async -> Int32 {
        let texts = words.map { $0.shown }
        let flags = texts.prefix { $0 != "--" }
        var global = GlobalFlags()
        global.json = flags.contains("--json")
        let console = Console(global, stop)
        let table = CommandTable()
        do {
            try checkText()
            let invocation = try table.parser.parse(texts) { environment($0) }
            return await run(invocation, table)
        } catch let error as ArgumentError {
            console.show(KitError(.usage, error.message, hint: .help(on: error.topic)))
        } catch {
            console.show(KitError(any: error))
        }
        return console.isBroken ? Self.brokenPipeCode : ExitCode.usage.rawValue
    }

    /// Throws `usage` for words, and for a kit home in the environment, that are no UTF-8.
    ///
    /// Everything here that has a name is text. Repaired, such a word would name another file.
    private func checkText() throws(KitError) {
        for (index, word) in words.enumerated() where String(validating: word, as: UTF8.self) == nil {
            throw KitError(
                .usage,
                "Word \(index + 1) of the command line, “\(word.shown)”, is no UTF-8. A file with such a name is added with the "
                    + "folder that it is in, or from standard input, whose name is -."
            )
        }
        let isNamed = words.contains { $0.starts(with: "--home".utf8) }
        let name = environmentBytes("IPFS_KIT_HOME") == nil ? "HOME" : "IPFS_KIT_HOME"
        guard !isNamed, let value = environmentBytes(name), String(validating: value, as: UTF8.self) == nil else {
            return
        }
        throw KitError(.usage, "The variable \(name), “\(value.shown)”, is no UTF-8; --home names a kit home too.")
    }

    private func run(_ invocation: Invocation, _ table: CommandTable) async -> Int32 {
        let console = Console(invocation.global, stop)
        let started = currentMilliseconds()
        let operation: (any Operation.Type)? =
            if case .command(let command) = invocation.topic { table.operation(of: command) } else { nil }
        let writesContent = operation?.writesContent(with: invocation.values) == true && !invocation.global.plan
        var code: ExitCode
        do throws(KitError) {
            switch invocation.topic {
            case .command(let command) where !invocation.global.help:
                guard let operation = table.operation(of: command) else {
                    try help(invocation.values, table, console)
                    code = .ok
                    break
                }
                code = try await run(operation, invocation, console)
            case .group where !invocation.global.help:
                // Whoever started it so wanted something else: words that got lost must not look like work that was
                // done.
                for line in Usage(table.parser, width: console.helpWidth).lines(invocation.topic) { console.talk(line) }
                code = .usage
            case .command, .group:
                console.print(lines: Usage(table.parser, width: console.helpWidth).lines(invocation.topic))
                code = .ok
            }
        } catch {
            code = stop.isPressed ? .interrupted : error.code
            // Work that was stopped because nothing could be written was told of already.
            let isTold = error.code == .interrupted && console.failure != nil
            if !console.isBroken, !stop.isPressed, !isTold { console.show(error, besideContent: writesContent) }
        }
        if stop.isPressed {
            let goesOn = operation?.goesOn
            let rest = goesOn == true ? "; the same command goes on where it stopped." : "."
            console.show(KitError(.interrupted, "It was interrupted\(rest)"), besideContent: writesContent)
            return ExitCode.interrupted.rawValue
        }
        if invocation.global.verbose {
            let seconds = Double((currentMilliseconds() - started) / 10) / 100
            console.talk("took \(seconds) s and at most \(ByteCount(peakMemory)) of memory")
        }
        if console.isBroken { return Self.brokenPipeCode }
        return ([.ok, .interrupted].contains(code) ? console.failure ?? code : code).rawValue
    }

    private func run<Subject: Operation>(
        _ operation: Subject.Type,
        _ invocation: Invocation,
        _ console: Console
    ) async throws(KitError) -> ExitCode {
        let home = KitHome(invocation.global.home) { environment($0) }
        let kit = Kit(home: home)
        let log = try invocation.global.logFile.map { (path) throws(KitError) in try EventLog(path, beside: kit) }
        let lost = Mutex<FileError?>(nil)
        let listening = log.map { log in
            kit.events.listen { events in
                do throws(FileError) { try log.write(events) } catch { lost.withLock { [error] in $0 = $0 ?? error } }
            }
        }
        func close() async {
            await kit.close()
            await listening?.flush()
            if let error = lost.withLock({ $0 }) { console.warn("--log-file lacks lines: \(error.description)") }
        }
        let code: ExitCode
        do throws(KitError) {
            let call = call(of: kit, console)
            code =
                try await invocation.global.plan
                ? perform(PlanMake.self, PlanMake.inputs(of: Subject.self, invocation.values), call, console)
                : perform(Subject.self, invocation.values, call, console)
        } catch {
            await close()
            throw error
        }
        await close()
        return code
    }

    private func perform<Subject: Operation>(
        _: Subject.Type,
        _ values: [String: FieldValue],
        _ call: Call,
        _ console: Console
    ) async throws(KitError) -> ExitCode {
        let output = try await call.perform(Subject.self, values)
        console.show(output, changes: Subject.changes)
        return output.exitCode
    }

    private func call(of kit: Kit, _ console: Console) -> Call {
        let stop = stop
        return Call(
            kit: kit,
            from: .commandLine,
            isTerminal: StandardStream.output.isTerminal,
            write: { (bytes) async throws(KitError) in
                try await BlockingThreads.shared.run { () throws(KitError) in try console.write(bytes) }
            },
            emit: { item in await BlockingThreads.shared.run { console.emit(item) } },
            read: { (count) async throws(KitError) in
                do throws(FileError) {
                    return try await BlockingThreads.shared.run { () throws(FileError) in
                        try StandardStream.input.read(count) { stop.isPressed }
                    }
                } catch {
                    throw KitError(error)
                }
            },
            showsProgress: console.showsProgress,
            hear: { console.hear($0) }
        )
    }

    private func help(
        _ values: [String: FieldValue],
        _ table: CommandTable,
        _ console: Console
    ) throws(KitError) {
        let inputs: HelpInputs
        let topic: Invocation.Topic
        do {
            inputs = try HelpInputs(values: values)
            topic = try table.parser.topic(inputs.topic)
        } catch {
            throw KitError(.usage, "\(error)", hint: .help())
        }
        guard let folder = inputs.documents else {
            return console.print(lines: Usage(table.parser, width: console.helpWidth).lines(topic))
        }
        do throws(FileError) {
            try makeDirectory(folder, permissions: 0o755)
            for (name, lines) in [
                ("operations.md", operationsDocument(table.parser.commands)), ("backends.md", backendsDocument()),
                ("schema.json", [ShowSchema.Output.all.json.indented]),
            ] {
                let text = lines.joined(separator: "\n") + "\n"
                try replaceFile("\(folder)/\(name)", with: Array(text.utf8), permissions: 0o644)
            }
        } catch {
            throw KitError(error)
        }
    }
}
