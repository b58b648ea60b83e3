"""Running things and saying how long they took: the one place where a figure is made.

Every figure is the median of interleaved runs: each round runs every side once, so that what else the machine
does meets them all alike. Ratios are of medians of the same rounds; absolute figures hold for one machine.
"""

import os
import resource
import statistics
import subprocess
import tempfile
import time

ROUNDS = int(os.environ.get("BENCH_ROUNDS", "7"))


def interleave(sides, rounds=ROUNDS):
    """Runs each side once a round; `sides` maps a name to a function that returns a number (or a dict of them)."""
    values = {name: [] for name in sides}
    for _ in range(rounds):
        for name, side in sides.items():
            values[name].append(side())
    return values


def median(values):
    return statistics.median(values)


def percentile(values, share):
    """The smallest value that at least `share` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, min(len(ordered) - 1, int(-(-share * len(ordered) // 1)) - 1))]


class Finished:
    """A process that has ended: seconds, CPU seconds, the most memory it had, and what it printed."""

    def __init__(self, seconds, usage, status, stdout):
        self.seconds = seconds
        self.cpu = usage.ru_utime + usage.ru_stime
        self.peak_mib = usage.ru_maxrss / 1024
        self.status = status
        self.stdout = stdout.decode()


def run(command, cwd=None, env=None, stdin=None, check=True, stderr=subprocess.DEVNULL):
    """Runs a command to its end, with its own resource usage (children that it waited for included)."""
    before = time.monotonic()
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr)
    stdout = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.monotonic() - before
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if check and process.returncode != 0:
        raise SystemExit(f"bench: {command} ended with {process.returncode}")
    return Finished(seconds, usage, process.returncode, stdout)


class Alone:
    """What `floor/peak` says of a program."""

    def __init__(self, line):
        seconds, cpu, kib = line.split()
        self.seconds, self.cpu, self.peak_mib = float(seconds), float(cpu), int(kib) / 1024


def run_alone(command, cwd=None):
    """Runs a command behind `floor/peak`; what it prints is thrown away."""
    read, write = os.pipe()
    process = subprocess.Popen(
        ["/bin/sh", "-c", 'exec "$@" 3>&%d' % write, "sh", *command], cwd=cwd, stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, pass_fds=[write])
    os.close(write)
    with os.fdopen(read) as said:
        line = said.read()
    if process.wait() != 0:
        raise SystemExit(f"bench: {command} ended with {process.returncode}")
    return Alone(line)


def run_sampled(command, cwd=None):
    """As `run`, for a program that has children of its own: the peak is its own, sampled every 10 ms."""
    before = time.monotonic()
    peak = 0
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(
            command, cwd=cwd, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
        while process.poll() is None:
            peak = max(peak, status_field(process.pid, "VmHWM"))
            time.sleep(0.01)
        seconds = time.monotonic() - before
        if process.returncode != 0:
            raise SystemExit(f"bench: {command} ended with {process.returncode}")
        out.seek(0)
        finished = Finished(seconds, resource.getrusage(resource.RUSAGE_CHILDREN), 0, out.read())
    finished.peak_mib = peak / 1024
    return finished


def status_field(pid, name):
    """A line of /proc/PID/status in KiB, such as VmHWM; 0 once the process is gone."""
    try:
        with open(f"/proc/{pid}/status") as status:
            for line in status:
                if line.startswith(name + ":"):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0


class Background:
    """A process beside us, such as `flowdex watch` or a floor; ended with the block."""

    def __init__(self, command, cwd=None, env=None, ready=None):
        out = subprocess.PIPE if ready else subprocess.DEVNULL
        self.process = subprocess.Popen(
            command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.DEVNULL)
        if ready and self.process.stdout.readline().decode().strip() != ready:
            raise SystemExit(f"bench: {command} did not get ready")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
        self.process.wait()

    def wait(self, seconds=600):
        return self.process.wait(seconds)

    def peak_mib(self):
        return status_field(self.process.pid, "VmHWM") / 1024

    def cpu_seconds(self):
        with open(f"/proc/{self.process.pid}/stat") as stat:
            words = stat.read().rsplit(")", 1)[1].split()
        return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def raise_file_limit():
    """As many descriptors as the machine grants: a floor with 10,000 watches needs only one, a peer may not."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 65536), most))
