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
}
