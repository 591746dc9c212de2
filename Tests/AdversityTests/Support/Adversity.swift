import Testing

/// What a hostile world does to the program, one suite after another: each keeps all cores busy by itself.
@Suite(.serialized) enum Adversity {}
