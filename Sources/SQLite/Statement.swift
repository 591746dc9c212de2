/// A prepared statement for many runs of the same SQL, lent by a database; parameters and columns count from 0.
@safe
package struct Statement: ~Copyable, ~Escapable {
    private let handle: StatementHandle

    @_lifetime(borrow connection)
    init(_ handle: StatementHandle, of connection: borrowing Connection) {
        self.handle = handle
    }

    deinit { handle.reset() }

    /// Gives the statement a value.
    package mutating func bind(_ value: SQLValue, at parameter: Int) throws(DatabaseError) {
        try handle.bind(value, at: parameter)
    }

    /// Gives the statement a whole number.
    package mutating func bind(_ number: Int64, at parameter: Int) throws(DatabaseError) {
        try handle.bind(number, at: parameter)
    }

    /// Gives the statement a text.
    package mutating func bind(_ text: String, at parameter: Int) throws(DatabaseError) {
        try handle.bind(text, at: parameter)
    }

    /// Gives the statement bytes, which are copied.
    package mutating func bind(_ bytes: [UInt8], at parameter: Int) throws(DatabaseError) {
        try handle.bind(bytes, at: parameter)
    }

    /// Goes to the next row, which `row` then reads; false means that the statement has finished.
    package mutating func step() throws(DatabaseError) -> Bool {
        try handle.step()
    }

    /// The row the statement stands at after a `step()` that returned true.
    package var row: Row {
        @_lifetime(borrow self)
        borrowing get { Row(handle, of: self) }
    }

    /// Makes the statement ready for another run, without its values.
    package mutating func reset() {
        handle.reset()
    }

    /// Runs the statement to its end with what is bound, drops its rows and makes it ready for another run.
    package mutating func run() throws(DatabaseError) {
        defer { handle.reset() }
        while try handle.step() {}
    }
}
