//! A whole node in one file: settings, key files, certificates, documents and every row of the store.
//!
//! `create` writes it while the node runs; `check` reads it to the end without changing anything; `unpack` puts the
//! files into an empty folder and leaves the rows for `Store::import`. A damaged archive is refused before the first
//! file is written.

pub mod seal;

use std::fs::{self, File};
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::path::{Component, Path, PathBuf};

use kernel::Chance;
use seal::{Opener, Sealer};

/// Name of the rows inside the archive.
pub const ROWS: &str = "store.jsonl";
/// Most files in an archive: a million documents and some.
const FILES_MAX: usize = 2_000_000;

/// What an archive holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contents {
    /// Files, the rows' file included.
    pub files: usize,
    /// Their bytes.
    pub bytes: u64,
}

/// Writes the archive `to`: the files below each of `folder`'s `parts` that exist, and `rows` as the store's rows.
///
/// The archive appears under its name only when it is whole and on disk.
///
/// # Errors
/// A file can't be read or the archive can't be written.
pub fn create(
    to: &Path,
    passphrase: &str,
    chance: &dyn Chance,
    (folder, parts): (&Path, &[PathBuf]),
    rows: &Path,
) -> io::Result<Contents> {
    if let Some(outside) = parts.iter().find(|part| part.is_absolute()) {
        let problem = format!(
            "{}: only folders beside the settings can be backed up",
            outside.display()
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    let partial = to.with_extension("partial");
    let sealer = Sealer::new(BufWriter::new(File::create(&partial)?), passphrase, chance)?;
    let mut tar = tar::Builder::new(sealer);
    tar.follow_symlinks(false);
    let mut contents = Contents::default();
    for part in parts {
        append(&mut tar, folder, part, &mut contents)?;
    }
    append_file(&mut tar, rows, Path::new(ROWS), &mut contents)?;
    let file = tar
        .into_inner()?
        .finish()?
        .into_inner()
        .map_err(|e| e.into_error())?;
    file.sync_all()?;
    fs::rename(&partial, to)?;
    Ok(contents)
}

fn append<W: Write>(
    tar: &mut tar::Builder<W>,
    folder: &Path,
    part: &Path,
    contents: &mut Contents,
) -> io::Result<()> {
    let path = folder.join(part);
    if path.is_file() {
        return append_file(tar, &path, part, contents);
    }
    let entries = match fs::read_dir(&path) {
        Ok(entries) => entries,
        // A body without documents has no such folder yet; any other trouble must not look like success.
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    let mut names: Vec<_> = entries
        .collect::<Result<Vec<_>, _>>()?
        .into_iter()
        .map(|e| e.file_name())
        .collect();
    names.sort();
    for name in names {
        append(tar, folder, &part.join(name), contents)?;
    }
    Ok(())
}

fn append_file<W: Write>(
    tar: &mut tar::Builder<W>,
    path: &Path,
    name: &Path,
    contents: &mut Contents,
) -> io::Result<()> {
    let mut file = File::open(path)?;
    contents.bytes += file.metadata()?.len();
    contents.files += 1;
    tar.append_file(name, &mut file)
}

/// Reads the archive to its end and tells what it holds.
///
/// # Errors
/// The passphrase is wrong or a byte was changed; the message says where.
pub fn check(from: &Path, passphrase: &str) -> io::Result<Contents> {
    visit(from, passphrase, |_, _| Ok(()))
}

/// Puts the archive's files into `folder`, which must be empty or absent, and gives the path of the rows.
///
/// # Errors
/// The folder is not empty, or the archive is damaged; then nothing was written.
pub fn unpack(from: &Path, passphrase: &str, folder: &Path) -> io::Result<(Contents, PathBuf)> {
    if fs::read_dir(folder).is_ok_and(|mut entries| entries.next().is_some()) {
        let problem = format!("{} is not empty; name a new folder", folder.display());
        return Err(io::Error::new(io::ErrorKind::AlreadyExists, problem));
    }
    check(from, passphrase)?;
    fs::create_dir_all(folder)?;
    let contents = visit(from, passphrase, |name, entry| {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        let mut file = File::create(&path)?;
        io::copy(entry, &mut file)?;
        private(&path)?;
        file.sync_all()
    })?;
    Ok((contents, folder.join(ROWS)))
}

/// What was backed up is for the service's user only.
fn private(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

fn visit(
    from: &Path,
    passphrase: &str,
    mut each: impl FnMut(&Path, &mut dyn Read) -> io::Result<()>,
) -> io::Result<Contents> {
    let mut opener = Opener::new(BufReader::new(File::open(from)?), passphrase)?;
    let mut contents = Contents::default();
    {
        let mut archive = tar::Archive::new(&mut opener);
        for entry in archive.entries()? {
            let mut entry = entry?;
            let name = entry.path()?.into_owned();
            let plain = name
                .components()
                .all(|part| matches!(part, Component::Normal(_)));
            if !plain || !entry.header().entry_type().is_file() || contents.files >= FILES_MAX {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    "the archive holds a name that leads outside",
                ));
            }
            contents.files += 1;
            contents.bytes += entry.size();
            each(&name, &mut entry)?;
            io::copy(&mut entry, &mut io::sink())?;
        }
    }
    // What follows the last file is sealed too: read it, so that a cut or a change there is found.
    io::copy(&mut opener, &mut io::sink())?;
    Ok(contents)
}

#[cfg(test)]
mod tests {
    use kernel::SystemChance;

    use super::*;

    #[test]
    fn a_node_comes_back_and_a_changed_archive_changes_nothing() {
        let folder = tempfile::tempdir().expect("a folder");
        let node = folder.path().join("node");
        fs::create_dir_all(node.join("keys")).expect("a folder");
        fs::write(node.join("settings.toml"), "x").expect("a file");
        fs::write(node.join("keys/a.key"), vec![9_u8; 700_000]).expect("a file");
        fs::write(folder.path().join("rows"), "{}").expect("a file");
        let archive = folder.path().join("backup.tambo");
        let parts = [
            PathBuf::from("settings.toml"),
            PathBuf::from("keys"),
            PathBuf::from("absent"),
        ];
        let rows = folder.path().join("rows");
        let chance = SystemChance::default();
        let made = create(&archive, "secret", &chance, (&node, &parts), &rows).expect("written");
        assert_eq!((made.files, made.bytes), (3, 700_003));

        let target = folder.path().join("target");
        let (read, rows) = unpack(&archive, "secret", &target).expect("restored");
        assert_eq!(read, made);
        assert_eq!(
            fs::read(target.join("keys/a.key")).expect("there"),
            vec![9_u8; 700_000]
        );
        assert_eq!(fs::read_to_string(rows).expect("there"), "{}");
        assert!(
            unpack(&archive, "secret", &target).is_err(),
            "not into a folder that holds something"
        );

        let mut bytes = fs::read(&archive).expect("there");
        for place in (0..bytes.len()).step_by(40_009) {
            bytes[place] ^= 4;
            fs::write(&archive, &bytes).expect("written");
            let other = folder.path().join("other");
            assert!(unpack(&archive, "secret", &other).is_err(), "byte {place}");
            assert!(!other.exists(), "nothing is written from a damaged archive");
            bytes[place] ^= 4;
        }
    }
}
