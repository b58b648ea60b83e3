import Testing

@testable import QueueRunner

@Suite("which file systems tell")
struct FileSystemKindTests {
  @Test(
    "by type",
    arguments: [
      (0xEF53, .watchable), (0x5846_5342, .watchable), (0x9123_683E, .watchable), (0x0102_1994, .watchable),
      (0x6969, .silent("nfs")), (0x517B, .silent("smb")), (0xFF53_4D42, .silent("cifs")),
      (0xFE53_4D42, .silent("smb2")), (0x6573_5546, .silent("fuse")), (0x0102_1997, .silent("9p")),
      (0x00C3_6400, .silent("ceph")), (0x5346_414F, .silent("afs")), (0x6B41_4653, .silent("afs")),
      (0x7375_7245, .silent("coda")), (0x7461_636F, .silent("ocfs2")), (0x794C_7630, .partial("overlay")),
      (0, .unknown), (0xDEAD_BEEF, .unknown), (0x9FA0, .unknown),
    ] as [(UInt32, FileSystemKind)])
  func types(type: UInt32, kind: FileSystemKind) { #expect(FileSystemKind.of(type: type) == kind) }

  @Test("by path: the kernel's own file systems hold no runs")
  func paths() throws {
    #expect(FileSystemKind.type(of: "/proc") == 0x9FA0)
    #expect(FileSystemKind.of("/proc") == .unknown)
    let folder = try ScratchFolder()
    #expect(FileSystemKind.of("\(folder.path)/nothing") == .unknown)
    #expect(FileSystemKind.type(of: folder.path) != nil)
  }
}
