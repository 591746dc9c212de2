/// Where the content of a root lies on a backend: the object that holds its CAR, by the name that the service knows.
package struct Location: Sendable, Hashable {
    /// The name: the `car_file_path` of a mapping.
    package let path: String

    package init(_ path: String) { self.path = path }
}
