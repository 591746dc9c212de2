// Arrow is C++: its headers are included by Sources/C/ParquetShim; this module only carries the pkg-config name.
