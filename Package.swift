// swift-tools-version: 6.1
import PackageDescription

let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

// For `make sanitize`: the thread sanitizer needs a lock that it knows (Guarded.swift).
let sanitizer = Context.environment["FLOWDEX_SANITIZER"] ?? ""
let threads: [SwiftSetting] = sanitizer == "thread" ? [.define("THREAD_SANITIZER")] : []

let package = Package(
  name: "flowdex",
  products: [
    .executable(name: "flowdex", targets: ["flowdex"]),
    .library(name: "QueueRunner", targets: ["QueueRunner"]),
    .library(name: "Runtime", targets: ["Runtime"]),
  ],
  dependencies: [
    .package(url: "https://github.com/groue/GRDB.swift", .upToNextMinor(from: "7.10.0")),
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
    .package(url: "https://github.com/swiftlang/swift-subprocess", from: "1.0.2", traits: []),
  ],
  targets: [
    .systemLibrary(
      name: "CInotifyTools", providers: [.apt(["libinotifytools0-dev"])]),
    .target(name: "CSpawn"),
    .target(name: "CSQLiteShim", linkerSettings: [.linkedLibrary("sqlite3")]),
    .target(
      name: "QueueRunner",
      dependencies: [
        "CInotifyTools", "CSQLiteShim",
        .product(name: "GRDB", package: "GRDB.swift"),
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SystemPackage", package: "swift-system"),
      ],
      swiftSettings: strict + threads),
    .target(
      name: "Runtime",
      dependencies: [
        "QueueRunner", "CSpawn",
        .product(name: "Crypto", package: "swift-crypto"),
        .product(name: "SystemPackage", package: "swift-system"),
        .product(name: "GRDB", package: "GRDB.swift"),
      ],
      resources: [.embedInCode("Resources")],
      swiftSettings: strict),
    .executableTarget(
      name: "flowdex",
      dependencies: [
        "Runtime", "QueueRunner",
        .product(name: "ArgumentParser", package: "swift-argument-parser"),
      ],
      swiftSettings: strict),
    .testTarget(name: "QueueRunnerTests", dependencies: ["QueueRunner"], swiftSettings: strict),
    .target(
      name: "FuzzTargets", dependencies: ["Runtime", "QueueRunner"], path: "Tests/Fuzz/Targets",
      swiftSettings: strict),
    .testTarget(
      name: "RuntimeTests", dependencies: ["Runtime", "QueueRunner", "FuzzTargets"], exclude: ["Fixtures"],
      swiftSettings: strict),
    .testTarget(
      name: "FlowdexTests",
      dependencies: [
        "flowdex", "QueueRunner", "Runtime",
        .product(name: "Subprocess", package: "swift-subprocess"),
      ],
      exclude: ["Golden"],
      swiftSettings: strict),
    .testTarget(name: "TidyTests", dependencies: ["QueueRunner"], swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6]
)

// For `make fuzz`: the driver needs libFuzzer, which only that build brings.
if sanitizer == "fuzzer" {
  package.targets.append(
    .executableTarget(
      name: "fuzz", dependencies: ["FuzzTargets"], path: "Tests/Fuzz/Driver", swiftSettings: strict))
}
