// Built only by `make fuzz`: hands what libFuzzer makes to the target that FUZZ_TARGET names.

import Foundation
import FuzzTargets

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
  _ count: UnsafeMutablePointer<Int32>,
  _ words: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
  _ one: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

@main
enum Fuzz {
  static let target =
    FuzzTarget(rawValue: ProcessInfo.processInfo.environment["FUZZ_TARGET"] ?? "") ?? .result

  static func main() {
    var count = CommandLine.argc
    var words = CommandLine.unsafeArgv
    exit(
      runDriver(&count, &words) { bytes, count in
        let input = Array(UnsafeBufferPointer(start: bytes, count: count))
        if let problem = Fuzz.target.problem(input) { fatalError("\(Fuzz.target.rawValue): \(problem)") }
        return 0
      })
  }
}
