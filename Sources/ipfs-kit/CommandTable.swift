internal import Arguments
internal import Operations
internal import Schema

/// The commands of the program: one for each operation, and `help`.
struct CommandTable {
    let parser = ArgumentParser(operations(on: .commandLine).map { command(of: $0) } + [HelpInputs.command])

    /// The operation behind a command; nil for `help`.
    func operation(of command: Command) -> (any Operation.Type)? {
        operations(on: .commandLine).first { $0.name == command.name }
    }

    private static func command<Subject: Operation>(of operation: Subject.Type) -> Command {
        Command(name: Subject.name, summary: Subject.summary, details: Subject.details) {
            Command.Inputs(Subject.self, openFields: Subject.openFields)
        }
    }
}
