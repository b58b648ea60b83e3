import QueueRunner

/// Tells that some process has committed something in a run: its `wake` file was rewritten.
struct WakeWatch {
  private let subscription: DropWatcher.Subscription
  var descriptor: Int32 { subscription.descriptor }

  init(_ layout: RunLayout) throws {
    if !FileSystem.exists(layout.wake) { try FileSystem.write([], to: layout.wake) }
    subscription = try DropWatcher.shared().subscribe()
    _ = subscription.watch(layout.wake, kind: .file)
  }

  func take() { _ = subscription.take() }
}
