"""Linking digests of archives, by hand: hashlib over what `unzip` would give, nothing of the program under test.

    python links.py FOLDER                       every archive's digests follow from its containers and the archive before
    python links.py FOLDER without-one PLACE     copies the archives, one container less
    python links.py FOLDER without-one-listed PLACE     the same, and its line is gone too
"""

import hashlib
import pathlib
import subprocess
import sys
import zipfile


def digest(name, data):
    return hashlib.new(name.replace("-", "").lower(), data).hexdigest()


def check(folder):
    ends, count = {}, 0
    archives = {path.name: zipfile.ZipFile(path) for path in sorted(folder.glob("*.zip"))}
    assert archives, "no archives"
    befores = {}
    for name, archive in archives.items():
        first, *lines = archive.read("linkinginfo").decode().splitlines()
        before, file, algorithm = first.split(" ")
        assert (before == "-") == (file == "-"), first
        befores[name] = before
        last = "" if before == "-" else before
        listed = [line.split(" ")[1] for line in lines]
        assert sorted(listed + ["linkinginfo"]) == sorted(archive.namelist()), "not exactly what is listed"
        for line in lines:
            linked, entry = line.split(" ")
            own = digest(algorithm, archive.read(entry))
            if count == 0 and algorithm == "SHA-512":
                said = subprocess.run(["sha512sum"], input=archive.read(entry), capture_output=True, check=True).stdout
                assert said.split()[0].decode() == own
            last = digest(algorithm, (last + own).encode())
            assert last == linked, f"{name}: {entry}"
            count += 1
        ends[name] = last
    firsts = [name for name, before in befores.items() if before == "-"]
    assert len(firsts) == 1 and all(before in ("-", *ends.values()) for before in befores.values()), befores
    print(f"     {count} linking digests in {len(archives)} archives follow by hand")


def copy(folder, place, listed):
    place.mkdir()
    for at, path in enumerate(sorted(folder.glob("*.zip"))):
        archive = zipfile.ZipFile(path)
        names = [line.split(" ")[1] for line in archive.read("linkinginfo").decode().splitlines()[1:]]
        gone = names[len(names) // 2 - 1] if at == 0 else None
        with zipfile.ZipFile(place / path.name, "w") as out:
            for name in archive.namelist():
                data = archive.read(name)
                if name == gone:
                    continue
                if name == "linkinginfo" and gone and listed:
                    data = b"".join(line for line in data.splitlines(True) if gone.encode() not in line)
                out.writestr(name, data)


if __name__ == "__main__":
    if len(sys.argv) == 2:
        check(pathlib.Path(sys.argv[1]))
    else:
        copy(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[3]), sys.argv[2].endswith("listed"))
