import Glibc

extension String {
  /// Whether both are the same UTF-8. `==` takes texts for equal that only look alike (Unicode's canonical
  /// equivalence), and `elementsEqual` goes from byte to byte.
  public func hasSameBytes(as other: String) -> Bool {
    let size = utf8.count
    if size != other.utf8.count { return false }
    let same = utf8.withContiguousStorageIfAvailable { mine in
      other.utf8.withContiguousStorageIfAvailable { theirs in
        guard let one = mine.baseAddress, let two = theirs.baseAddress else { return true }
        return memcmp(one, two, size) == 0
      }
    }
    return (same ?? nil) ?? utf8.elementsEqual(other.utf8)
  }

  /// What the body makes of the UTF-8, where it lies: to be hashed by, for instance. Copied only where it lies in no one
  /// place.
  public func withBytes<Value>(_ body: (UnsafeRawBufferPointer) -> Value) -> Value {
    let found = utf8.withContiguousStorageIfAvailable { body(UnsafeRawBufferPointer($0)) }
    return found ?? Array(utf8).withUnsafeBytes(body)
  }
}
