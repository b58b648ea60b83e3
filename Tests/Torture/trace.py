"""What flowdex and its worker wrote, synced and renamed, and what a disk may hold of it after a power cut.

The model is that of a file system with a journal of its metadata, as ext4 and xfs are: names (create, rename, unlink)
reach the disk in their order, and syncing a file or a folder takes every name along that was changed before its own
last change. Bytes of a file that were not synced since may be there, be missing (zeros, or a shorter file), or be
torn at a sector, each write by itself. SQLite's shared memory is no file that survives.
"""
import json, os, struct

HEADER = struct.Struct("<BBHIIIq")
OPEN, WRITE, TRUNCATE, RENAME, LINK, SYMLINK, UNLINK, MKDIR, RMDIR, SYNC, DATASYNC, SYNCFS, PRINT = range(1, 14)
COMMAND = 100
OUTPUT = "/.incoming/command-"  # Where the output of a host command is gathered.
SECTOR = 512


class Recorder:
    """Writes what the worker does, and when commands begin, into the trace that the shim writes."""
    def __init__(self, path):
        self.path = path

    def add(self, kind, first="", second=b"", flags=0, offset=0):
        name = os.fsencode(first)
        with open(self.path, "ab") as file:
            file.write(HEADER.pack(kind, flags, 0, len(name), len(second), 0, offset) + name + second)

    def wrote(self, path, text):
        """A file that is on disk when the worker goes on."""
        self.add(OPEN, path, flags=1)
        self.add(WRITE, path, text.encode())
        self.add(SYNC, path)

    def renamed(self, path, to):
        self.add(RENAME, path, os.fsencode(to))
        self.add(SYNC, os.path.dirname(to))


def records(path):
    with open(path, "rb") as file:
        found = file.read()
    at = 0
    while at < len(found):
        kind, flags, _, first, second, _, offset = HEADER.unpack_from(found, at)
        at += HEADER.size
        yield kind, flags, offset, os.fsdecode(found[at:at + first]), found[at + first:at + first + second]
        at += first + second


class Node:
    def __init__(self, kind, base=b""):
        self.kind, self.base = kind, base
        self.names = {}
        self.changes = []  # (time, offset, bytes), or (time, size, None) for a cut
        self.syncs = []
        self.last_name = 0  # how many changes of names there were with its own last one

    @property
    def is_empty(self):
        return not self.base and not self.changes


class Model:
    def __init__(self, root):
        self.root, self.time = root, 0
        self.tree = self.load(root)
        self.unnamed = {}  # Files that are open and have no name (O_TMPFILE), by what /proc calls them.
        self.begin = self.copy(self.tree)
        self.names = []  # (time, folder, name, node or None)
        self.floors = [(0, 0)]
        self.all_syncs = []
        self.told = []  # (time, command's number, arguments or bytes)
        self.accepted = []  # (time, token)
        self.commands = 0
        self.began = []  # When each command began; see `windows`.
        self.output = None  # When a host command had written its first byte.

    def load(self, path):
        if os.path.islink(path):
            return Node("link", os.readlink(path))
        if os.path.isdir(path):
            node = Node("folder")
            node.names = {name: self.load(f"{path}/{name}") for name in os.listdir(path)}
            return node
        with open(path, "rb") as file:
            return Node("file", file.read())

    def copy(self, node):
        """The tree of names; nodes stay what they are."""
        return (node, {name: self.copy(inside) for name, inside in node.names.items()})

    def find(self, path):
        """(folder, name, node): the node is None where nothing is."""
        if not path.startswith(self.root + "/"):
            return None, None, None
        node, parts = self.tree, path[len(self.root) + 1:].split("/")
        for part in parts[:-1]:
            node = node.names.get(part)
            if node is None or node.kind != "folder":
                return None, None, None
        if parts[-1].endswith(" (deleted)"):
            return node, parts[-1], self.unnamed.setdefault(path, Node("file"))
        return node, parts[-1], node.names.get(parts[-1])

    def name(self, folder, name, node, other=None):
        """Gives or takes a name; `other` is where it stood before, in the same step."""
        self.names.append((self.time, folder, name, node, other))
        for involved in (folder, node, other and other[0]):
            if involved:
                involved.last_name = len(self.names)
        if other:
            other[0].names.pop(other[1], None)
        if node is None:
            gone = folder.names.pop(name, None)
            if gone:
                gone.last_name = len(self.names)
        else:
            folder.names[name] = node

    def add(self, record):
        kind, flags, offset, path, second = record
        self.time += 1
        if kind == COMMAND:
            self.commands += 1
            self.began.append(self.time)
            self.told.append((self.time, self.commands, json.loads(second)))
        elif kind == PRINT:
            self.told.append((self.time, self.commands, second))
        elif kind == SYNCFS:
            self.all_syncs.append(self.time)
            self.floors.append((self.time, len(self.names)))
        elif not path.endswith("-shm"):
            if kind == WRITE and OUTPUT in path:
                self.output = self.output or self.time
            folder, name, node = self.find(path)
            if folder is not None:
                self.change(kind, flags, offset, second, folder, name, node)

    def change(self, kind, flags, offset, second, folder, name, node):
        if kind == OPEN:
            if node is None:
                self.name(folder, name, Node("file"))
                self.accept(folder, name)
            elif flags & 1 and not node.is_empty:
                node.changes.append((self.time, 0, None))
        elif kind == MKDIR:
            self.name(folder, name, Node("folder"))
        elif kind == SYMLINK:
            self.name(folder, name, Node("link", os.fsdecode(second)))
        elif node is None:
            return
        elif kind == WRITE:
            node.changes.append((self.time, offset, second))
        elif kind == TRUNCATE:
            node.changes.append((self.time, offset, None))
        elif kind in (UNLINK, RMDIR):
            self.name(folder, name, None)
        elif kind in (RENAME, LINK):
            to_folder, to_name, _ = self.find(os.fsdecode(second))
            if to_folder is not None:
                self.name(to_folder, to_name, node, (folder, name) if kind == RENAME else None)
                self.accept(to_folder, to_name)
        elif kind in (SYNC, DATASYNC):
            node.syncs.append(self.time)
            if kind == SYNC:
                self.floors.append((self.time, max(self.floors[-1][1], node.last_name)))

    def accept(self, folder, name):
        """A worker that sees this name takes its result for stored, however the name came there."""
        if name == "adapter-result.accepted":
            self.accepted.append((self.time, folder))

    # What a disk may hold.

    def names_until(self, time):
        """(how many changes of names must be there, how many may be)."""
        least = max(floor for at, floor in self.floors if at <= time)
        most = sum(1 for change in self.names if change[0] <= time)
        return least, most

    def tree_of(self, count):
        """Names after the first `count` changes, as {folder: {name: node}}."""
        names = {}

        def plant(node, inside):
            if node.kind == "folder":
                names[node] = {name: below[0] for name, below in inside.items()}
            for name, below in inside.items():
                plant(*below)
        plant(*self.begin)
        for _, folder, name, node, other in self.names[:count]:
            if other:
                names.setdefault(other[0], {}).pop(other[1], None)
            if node is None:
                names.setdefault(folder, {}).pop(name, None)
            else:
                names.setdefault(folder, {})[name] = node
        return names

    def content(self, node, time, chance, generator):
        synced = max([s for s in node.syncs + self.all_syncs if s <= time], default=0)
        found = bytearray(node.base)
        unsynced = [c for c in node.changes if synced < c[0] <= time]
        # Cuts are changes of names' kind: they come in order, and none without the ones before.
        reach = len(unsynced) if chance == 1 else generator.randint(0, len(unsynced)) if chance else 0
        for at, change in enumerate([c for c in node.changes if c[0] <= synced] + unsynced[:reach]):
            when, offset, data = change
            if data is None:
                del found[offset:]
                found.extend(bytes(offset - len(found)))
                continue
            if when > synced and chance < 1:
                draw = generator.random()
                if draw > chance:
                    continue
                if draw > chance * 0.7:
                    data = data[:generator.randint(0, len(data) // SECTOR) * SECTOR]
            if len(found) < offset:
                found.extend(bytes(offset - len(found)))
            found[offset:offset + len(data)] = data
        return bytes(found)

    def state(self, time, generator):
        """One disk after a cut at that time: {path: bytes, or a link's target, or None for a folder}."""
        least, most = self.names_until(time)
        kind = generator.random()
        count = least if kind < 0.2 else most if kind < 0.6 else generator.randint(least, most)
        # Nothing that was not synced, everything, or a part.
        chance = generator.choice([0, 0, 1, 0.3, 0.6, 0.9])
        names, state = self.tree_of(count), {}

        def walk(folder, path):
            for name, node in sorted(names.get(folder, {}).items()):
                place = f"{path}/{name}"
                if node.kind == "folder":
                    state[place] = None
                    walk(node, place)
                elif node.kind == "link":
                    state[place] = node.base
                else:
                    state[place] = self.content(node, time, chance, generator)
        walk(self.tree, "")
        return state

    def windows(self):
        """From when to when each command ran, and besides, from a host command's first byte to the end of its command."""
        found = list(zip(self.began, self.began[1:] + [self.time]))
        return found + [(self.output, end) for begin, end in found if self.output and begin <= self.output <= end]

    def acknowledged(self, time, reading):
        """What had been begun and told by then; `reading` makes acknowledgements of a command's output."""
        outputs, entries = {}, []
        for at, number, what in self.told:
            if at > time:
                break
            if isinstance(what, list):
                outputs[number] = (what, b"")
            else:
                arguments, text = outputs[number]
                outputs[number] = (arguments, text + what)
        for arguments, text in outputs.values():
            entries.append({"began": arguments[0]})
            entries += [{kind: what} for kind, what in reading(arguments, text.decode(errors="replace"))]
        tokens = {id(node): name for _, _, name, node, _ in self.names if node is not None and node.kind == "folder"}
        entries += [{"accepted": tokens[id(folder)]} for at, folder in self.accepted if at <= time]
        return entries
