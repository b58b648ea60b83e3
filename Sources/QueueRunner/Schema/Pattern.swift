// Regular expressions for `pattern` and `patternProperties` (ECMA-262, Unicode mode, no flags).
//
// A workflow writes the pattern and a worker the text, so time must not explode: the pattern becomes an
// automaton whose states are all followed at once. Matching takes at most (length × states) work, whatever the
// pattern; lookaround and backreferences, which need backtracking, are refused when the schema is read.
// Only "does it occur anywhere" is asked, so greedy and lazy mean the same and nothing is captured.

/// A compiled regular expression that answers whether it occurs in a text.
struct Pattern: Sendable {
  /// Groups inside groups at one time; bounds the stack of the reader.
  static let maxNesting = 50
  /// States of the automaton; counts are written out, so `a{1000}` has a thousand.
  static let maxStates = 10_000

  /// The expression as it was written.
  let source: String
  let program: PatternProgram

  /// Reads the expression; what ECMA-262 refuses or an automaton cannot do is an error.
  init(_ source: String) throws(PatternError) {
    var parser = PatternParser(source)
    let tree = try parser.parse()
    self.source = source
    program = try PatternProgram(tree, parser.sets)
  }

  /// Whether the pattern occurs anywhere in the text; nil once more than `work` steps were needed.
  ///
  /// A step is one state followed over one code point, or sixteen states made ready. `work` is lowered by the
  /// steps taken.
  func occurs(in text: String, work: inout Int) -> Bool? {
    var machine = PatternMachine(program)
    return machine.run(text, work: &work)
  }
}

/// Why a text is no regular expression that flowdex takes, and where.
struct PatternError: Error, Equatable {
  /// The code point, counted from 0.
  let offset: Int
  let expected: String
  let found: String
}

/// An expression as a tree.
indirect enum PatternTree {
  case empty
  /// A code point of one of the expression's sets, by number.
  case set(Int)
  case assertion(PatternAssertion)
  case sequence([PatternTree])
  case choice([PatternTree])
  /// At least `min` times, at most `max` times; nil is without end.
  case repeated(PatternTree, min: Int, max: Int?)
}

/// What holds at a place between two code points.
enum PatternAssertion: Sendable {
  case start
  case end
  case wordBoundary
  case noWordBoundary
}
