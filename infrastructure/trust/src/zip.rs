//! Small ZIP archives in memory: enough for signature containers and message archives, and no more.
//!
//! Source: APPNOTE.TXT 6.3. It promises that what the directory says, what the local headers say and what the bytes
//! are is the same, so that two readers can't see two different archives, and that nothing inflates beyond the limits.
//! It refuses encryption, ZIP64, split archives, gaps and overlaps between entries, names that leave the folder, and
//! names that occur twice. Methods are stored and deflated.

use std::io::Read as _;
use std::ops::Range;

use flate2::Compression;
use flate2::read::{DeflateDecoder, DeflateEncoder};
use kernel::Moment;

/// What one archive may hold.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Longest archive in bytes.
    pub archive_bytes: usize,
    /// Most entries.
    pub entries: usize,
    /// Most bytes of all entries together, inflated: the defence against archives that explode.
    pub inflated_bytes: usize,
}

/// For one container: a message, attachments up to X-Road's log limit several times over, signatures.
pub const CONTAINER: Limits = Limits {
    archive_bytes: 64 << 20,
    entries: 1_100,
    inflated_bytes: 128 << 20,
};

/// Longest entry name; containers use under 40 bytes.
pub const NAME_BYTES_MAX: usize = 255;

/// Why an archive was refused or could not be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ZipError {
    /// The structure is broken or ambiguous.
    #[error("ZIP archive is malformed: {0}")]
    Malformed(&'static str),
    /// A feature that is not accepted.
    #[error("ZIP feature is not accepted: {0}")]
    Unsupported(&'static str),
    /// Over a limit.
    #[error("ZIP archive exceeds a limit: {0}")]
    TooLarge(&'static str),
}

/// One file of an archive.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path inside the archive, with `/`; a folder ends with it.
    pub name: String,
    /// The inflated bytes.
    pub bytes: Vec<u8>,
}

/// An archive that was read completely.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archive {
    /// The files in the order in which they are stored.
    pub entries: Vec<Entry>,
    /// The archive's comment.
    pub comment: String,
}

impl Archive {
    /// The bytes of the file `name`.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.entries
            .iter()
            .find(|entry| entry.name == name)
            .map(|entry| entry.bytes.as_slice())
    }
}

const LOCAL: u32 = 0x0403_4b50;
const CENTRAL: u32 = 0x0201_4b50;
const END: u32 = 0x0605_4b50;
const DESCRIPTOR: u32 = 0x0807_4b50;
const LOCAL_BYTES: usize = 30;
const CENTRAL_BYTES: usize = 46;
const END_BYTES: usize = 22;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// Bit 0: encrypted; 3: sizes follow the data; 11: name is UTF-8; 1 and 2 are hints of the compressor.
const FLAGS_ACCEPTED: u16 = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 11;
const FLAG_DESCRIPTOR: u16 = 1 << 3;
const FLAG_UTF8: u16 = 1 << 11;

fn u16_at(bytes: &[u8], at: usize) -> Result<u16, ZipError> {
    let pair = bytes
        .get(at..at + 2)
        .ok_or(ZipError::Malformed("truncated"))?;
    Ok(u16::from_le_bytes([pair[0], pair[1]]))
}

fn u32_at(bytes: &[u8], at: usize) -> Result<u32, ZipError> {
    Ok(u32::from(u16_at(bytes, at)?) | u32::from(u16_at(bytes, at + 2)?) << 16)
}

fn size_at(bytes: &[u8], at: usize) -> Result<usize, ZipError> {
    match u32_at(bytes, at)? {
        u32::MAX => Err(ZipError::Unsupported("ZIP64")),
        size => Ok(size as usize),
    }
}

/// What the directory says of one file.
struct Listed {
    name: String,
    raw_name: Vec<u8>,
    flags: u16,
    method: u16,
    needs: u16,
    dated: u32,
    crc: u32,
    packed: usize,
    size: usize,
    offset: usize,
}

/// Reads a whole archive.
pub fn read(bytes: &[u8], limits: Limits) -> Result<Archive, ZipError> {
    if bytes.len() > limits.archive_bytes {
        return Err(ZipError::TooLarge("archive"));
    }
    let (end, comment) = find_end(bytes)?;
    let count = usize::from(u16_at(bytes, end + 10)?);
    if [u16_at(bytes, end + 4)?, u16_at(bytes, end + 6)?] != [0, 0]
        || usize::from(u16_at(bytes, end + 8)?) != count
    {
        return Err(ZipError::Unsupported("split archive"));
    }
    if count > limits.entries {
        return Err(ZipError::TooLarge("entries"));
    }
    let start = size_at(bytes, end + 16)?;
    let length = size_at(bytes, end + 12)?;
    if start.checked_add(length) != Some(end) {
        return Err(ZipError::Malformed("directory is not before its end"));
    }
    let mut listed = directory(bytes, start..end, count)?;
    listed.sort_by_key(|file| file.offset);
    let mut left = limits.inflated_bytes;
    let mut place = 0;
    let mut entries: Vec<Entry> = Vec::with_capacity(count);
    for (at, file) in listed.iter().enumerate() {
        if file.offset != place {
            return Err(ZipError::Malformed("gap or overlap between files"));
        }
        let next = listed
            .get(at + 1)
            .map_or(start, |following| following.offset);
        let data = local(bytes, file, next)?;
        let inflated = inflate(&bytes[data], file, left)?;
        left -= inflated.len();
        entries.push(Entry {
            name: file.name.clone(),
            bytes: inflated,
        });
        place = next;
    }
    if place != start {
        return Err(ZipError::Malformed("bytes outside of files"));
    }
    distinct(&entries)?;
    Ok(Archive { entries, comment })
}

fn distinct(entries: &[Entry]) -> Result<(), ZipError> {
    let mut names: Vec<&str> = entries.iter().map(|entry| entry.name.as_str()).collect();
    names.sort_unstable();
    if names.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(ZipError::Malformed("a name occurs twice"));
    }
    Ok(())
}

/// Finds the end record whose comment reaches exactly to the last byte, searching from the end.
fn find_end(bytes: &[u8]) -> Result<(usize, String), ZipError> {
    let last = bytes
        .len()
        .checked_sub(END_BYTES)
        .ok_or(ZipError::Malformed("too short"))?;
    let first = last.saturating_sub(usize::from(u16::MAX));
    for at in (first..=last).rev() {
        if u32_at(bytes, at)? == END
            && at + END_BYTES + usize::from(u16_at(bytes, at + 20)?) == bytes.len()
        {
            let comment = std::str::from_utf8(&bytes[at + END_BYTES..]);
            return Ok((
                at,
                comment
                    .map_err(|_| ZipError::Malformed("comment"))?
                    .to_owned(),
            ));
        }
    }
    Err(ZipError::Malformed("no end record"))
}

fn directory(bytes: &[u8], range: Range<usize>, count: usize) -> Result<Vec<Listed>, ZipError> {
    let mut at = range.start;
    let mut listed = Vec::with_capacity(count);
    for _ in 0..count {
        if u32_at(bytes, at)? != CENTRAL {
            return Err(ZipError::Malformed("directory"));
        }
        let lengths =
            [at + 28, at + 30, at + 32].map(|place| u16_at(bytes, place).map(usize::from));
        let [name, extra, comment] = lengths;
        let (name, rest) = (name?, extra? + comment?);
        let raw_name = bytes
            .get(at + CENTRAL_BYTES..at + CENTRAL_BYTES + name)
            .ok_or(ZipError::Malformed("truncated"))?
            .to_vec();
        listed.push(Listed {
            name: checked_name(&raw_name)?,
            raw_name,
            flags: u16_at(bytes, at + 8)?,
            method: u16_at(bytes, at + 10)?,
            needs: u16_at(bytes, at + 6)?,
            dated: u32_at(bytes, at + 12)?,
            crc: u32_at(bytes, at + 16)?,
            packed: size_at(bytes, at + 20)?,
            size: size_at(bytes, at + 24)?,
            offset: size_at(bytes, at + 42)?,
        });
        at += CENTRAL_BYTES + name + rest;
    }
    if at == range.end {
        Ok(listed)
    } else {
        Err(ZipError::Malformed("directory length"))
    }
}

fn checked_name(raw: &[u8]) -> Result<String, ZipError> {
    const BAD: ZipError = ZipError::Malformed("name");
    let name = std::str::from_utf8(raw).map_err(|_| BAD)?;
    let inside = name.strip_suffix('/').unwrap_or(name);
    let leaves = inside
        .split('/')
        .any(|part| part.is_empty() || part == "." || part == "..");
    if leaves
        || name.len() > NAME_BYTES_MAX
        || name.contains(['\\', ':'])
        || name.chars().any(char::is_control)
    {
        return Err(BAD);
    }
    Ok(name.to_owned())
}

/// Checks the local header against the directory and returns where the packed data lies. The file must end at `next`.
fn local(bytes: &[u8], file: &Listed, next: usize) -> Result<Range<usize>, ZipError> {
    let at = file.offset;
    if u32_at(bytes, at)? != LOCAL {
        return Err(ZipError::Malformed("local header"));
    }
    let name = usize::from(u16_at(bytes, at + 26)?);
    let start = at + LOCAL_BYTES + name + usize::from(u16_at(bytes, at + 28)?);
    let same_name = bytes.get(at + LOCAL_BYTES..at + LOCAL_BYTES + name) == Some(&file.raw_name);
    let same_kind = u16_at(bytes, at + 4)? == file.needs
        && u16_at(bytes, at + 6)? == file.flags
        && u16_at(bytes, at + 8)? == file.method
        && u32_at(bytes, at + 10)? == file.dated;
    if !same_name || !same_kind {
        return Err(ZipError::Malformed(
            "local header differs from the directory",
        ));
    }
    if file.flags & !FLAGS_ACCEPTED != 0 {
        return Err(ZipError::Unsupported("flags"));
    }
    let end = start
        .checked_add(file.packed)
        .ok_or(ZipError::Malformed("size"))?;
    let stated = (
        u32_at(bytes, at + 14)?,
        size_at(bytes, at + 18)?,
        size_at(bytes, at + 22)?,
    );
    let listed = (file.crc, file.packed, file.size);
    let trailing = next
        .checked_sub(end)
        .ok_or(ZipError::Malformed("overlap"))?;
    let agrees = if file.flags & FLAG_DESCRIPTOR != 0 {
        (stated == (0, 0, 0) || stated == listed) && descriptor(bytes, end, trailing)? == listed
    } else {
        stated == listed && trailing == 0
    };
    if !agrees {
        return Err(ZipError::Malformed("sizes differ from the directory"));
    }
    Ok(start..end)
}

fn descriptor(bytes: &[u8], at: usize, length: usize) -> Result<(u32, usize, usize), ZipError> {
    let at = match length {
        12 => at,
        16 if u32_at(bytes, at)? == DESCRIPTOR => at + 4,
        _ => return Err(ZipError::Malformed("data descriptor")),
    };
    Ok((
        u32_at(bytes, at)?,
        size_at(bytes, at + 4)?,
        size_at(bytes, at + 8)?,
    ))
}

fn inflate(packed: &[u8], file: &Listed, left: usize) -> Result<Vec<u8>, ZipError> {
    if file.size > left {
        return Err(ZipError::TooLarge("inflated bytes"));
    }
    let inflated = match file.method {
        STORED => packed.to_vec(),
        DEFLATED => {
            let mut out = Vec::with_capacity(file.size.min(1 << 20));
            let mut decoder = DeflateDecoder::new(packed);
            let bound = file.size as u64 + 1;
            let mut bounded = decoder.by_ref().take(bound);
            bounded
                .read_to_end(&mut out)
                .map_err(|_| ZipError::Malformed("deflated data"))?;
            if decoder.total_in() != packed.len() as u64 {
                return Err(ZipError::Malformed("bytes after the deflated data"));
            }
            out
        }
        _ => return Err(ZipError::Unsupported("method")),
    };
    if inflated.len() != file.size || crc32(&inflated) != file.crc {
        return Err(ZipError::Malformed("size or check sum"));
    }
    Ok(inflated)
}

fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = flate2::Crc::new();
    crc.update(bytes);
    crc.sum()
}

/// Writes an archive, file by file. All files get the same time.
#[derive(Debug)]
pub struct Writer {
    out: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
    stamp: u32,
}

impl Writer {
    /// An empty archive whose files are dated `at`, in UTC.
    pub fn new(at: Moment) -> Self {
        Self {
            out: Vec::new(),
            directory: Vec::new(),
            count: 0,
            stamp: dos_time(at),
        }
    }

    /// Adds a deflated file. Errors: a bad name, an archive above 4 GiB, more than 65,534 files.
    pub fn deflated(&mut self, name: &str, bytes: &[u8]) -> Result<(), ZipError> {
        let mut packed = Vec::with_capacity(bytes.len() / 2 + 64);
        let mut encoder = DeflateEncoder::new(bytes, Compression::default());
        encoder
            .read_to_end(&mut packed)
            .map_err(|_| ZipError::Malformed("deflate"))?;
        self.add(name, DEFLATED, bytes, &packed)
    }

    /// Adds a file as it is. Errors as [`Writer::deflated`].
    pub fn stored(&mut self, name: &str, bytes: &[u8]) -> Result<(), ZipError> {
        self.add(name, STORED, bytes, bytes)
    }

    fn add(
        &mut self,
        name: &str,
        method: u16,
        bytes: &[u8],
        packed: &[u8],
    ) -> Result<(), ZipError> {
        checked_name(name.as_bytes())?;
        let size = |length: usize| {
            u32::try_from(length)
                .ok()
                .filter(|size| *size < u32::MAX)
                .ok_or(ZipError::TooLarge("file"))
        };
        let name_length = u16::try_from(name.len()).map_err(|_| ZipError::TooLarge("name"))?;
        let offset = size(self.out.len())?;
        size(self.out.len() + packed.len() + LOCAL_BYTES + name.len())?;
        let mut common = Vec::with_capacity(26);
        common.extend_from_slice(&20_u16.to_le_bytes());
        common.extend_from_slice(&FLAG_UTF8.to_le_bytes());
        common.extend_from_slice(&method.to_le_bytes());
        common.extend_from_slice(&self.stamp.to_le_bytes());
        common.extend_from_slice(&crc32(bytes).to_le_bytes());
        common.extend_from_slice(&size(packed.len())?.to_le_bytes());
        common.extend_from_slice(&size(bytes.len())?.to_le_bytes());
        common.extend_from_slice(&name_length.to_le_bytes());
        common.extend_from_slice(&0_u16.to_le_bytes());
        self.out.extend_from_slice(&LOCAL.to_le_bytes());
        self.out.extend_from_slice(&common);
        self.out.extend_from_slice(name.as_bytes());
        self.out.extend_from_slice(packed);
        self.directory.extend_from_slice(&CENTRAL.to_le_bytes());
        self.directory.extend_from_slice(&20_u16.to_le_bytes());
        self.directory.extend_from_slice(&common);
        self.directory.extend_from_slice(&[0; 10]);
        self.directory.extend_from_slice(&offset.to_le_bytes());
        self.directory.extend_from_slice(name.as_bytes());
        self.count = self
            .count
            .checked_add(1)
            .filter(|count| *count < u16::MAX)
            .ok_or(ZipError::TooLarge("files"))?;
        Ok(())
    }

    /// Ends the archive with `comment`.
    pub fn finish(mut self, comment: &str) -> Result<Vec<u8>, ZipError> {
        let too_large = |_| ZipError::TooLarge("archive");
        let start = u32::try_from(self.out.len()).map_err(too_large)?;
        let length = u32::try_from(self.directory.len()).map_err(too_large)?;
        let comment_length = u16::try_from(comment.len()).map_err(too_large)?;
        self.out.append(&mut self.directory);
        self.out.extend_from_slice(&END.to_le_bytes());
        self.out.extend_from_slice(&[0; 4]);
        self.out.extend_from_slice(&self.count.to_le_bytes());
        self.out.extend_from_slice(&self.count.to_le_bytes());
        self.out.extend_from_slice(&length.to_le_bytes());
        self.out.extend_from_slice(&start.to_le_bytes());
        self.out.extend_from_slice(&comment_length.to_le_bytes());
        self.out.extend_from_slice(comment.as_bytes());
        Ok(self.out)
    }
}

/// Date and time as MS-DOS packs them: two-second steps, years 1980 to 2107.
fn dos_time(at: Moment) -> u32 {
    let text = at.iso();
    let field = |range: Range<usize>| {
        text.get(range)
            .and_then(|digits| digits.parse::<u32>().ok())
            .unwrap_or(0)
    };
    let year = field(0..4).clamp(1980, 2107) - 1980;
    let date = year << 9 | field(5..7) << 5 | field(8..10);
    let time = field(11..13) << 11 | field(14..16) << 5 | (field(17..19) / 2);
    date << 16 | time
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut writer = Writer::new(Moment::from_seconds(1_733_385_600));
        for (at, (name, bytes)) in files.iter().enumerate() {
            if at % 2 == 0 {
                writer.deflated(name, bytes)
            } else {
                writer.stored(name, bytes)
            }
            .unwrap();
        }
        writer.finish("mimetype=x").unwrap()
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(files in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 0..600), 0..6,
        )) {
            let names: Vec<String> = (0..files.len()).map(|n| format!("folder/file{n}")).collect();
            let pairs: Vec<(&str, &[u8])> =
                names.iter().map(String::as_str).zip(files.iter().map(Vec::as_slice)).collect();
            let read = read(&archive(&pairs), CONTAINER).unwrap();
            prop_assert_eq!(&read.comment, "mimetype=x");
            prop_assert_eq!(read.entries.len(), files.len());
            for (entry, file) in read.entries.iter().zip(&files) {
                prop_assert_eq!(&entry.bytes, file);
            }
        }

        #[test]
        fn random_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&bytes, CONTAINER);
        }

        #[test]
        fn one_changed_byte_never_changes_content(at in any::<prop::sample::Index>(), flip in 1_u8..=255) {
            let files: [(&str, &[u8]); 2] = [("a", b"some text, some text"), ("b", b"other")];
            let good = archive(&files);
            let mut bad = good.clone();
            let at = at.index(bad.len());
            bad[at] ^= flip;
            if let Ok(archive) = read(&bad, CONTAINER) {
                let contents: Vec<&[u8]> = archive.entries.iter().map(|entry| entry.bytes.as_slice()).collect();
                prop_assert_eq!(contents, vec![files[0].1, files[1].1]);
            }
        }
    }

    #[test]
    fn bombs_doubles_and_paths_outside_are_refused() {
        let bomb = archive(&[("bomb", &vec![0; 1 << 20])]);
        assert!(bomb.len() < 4_096);
        let tight = Limits {
            inflated_bytes: 1 << 19,
            ..CONTAINER
        };
        assert_eq!(
            read(&bomb, tight),
            Err(ZipError::TooLarge("inflated bytes"))
        );
        let mut lying = bomb.clone();
        for at in [
            22,
            lying.len() - END_BYTES - "mimetype=x".len() - 4 - CENTRAL_BYTES + 24,
        ] {
            lying[at..at + 4].copy_from_slice(&1_000_u32.to_le_bytes());
        }
        assert!(matches!(
            read(&lying, CONTAINER),
            Err(ZipError::Malformed(_))
        ));
        assert_eq!(
            read(&archive(&[("a", b"1"), ("a", b"2")]), CONTAINER),
            Err(ZipError::Malformed("a name occurs twice"))
        );
        let mut writer = Writer::new(Moment::default());
        for name in ["../a", "/a", "a//b", "a\\b", "C:a", "a/./b", ""] {
            assert!(writer.stored(name, b"").is_err(), "{name}");
        }
        let good = archive(&[("a", b"1")]);
        assert!(
            read(&[b"x", good.as_slice()].concat(), CONTAINER).is_err(),
            "bytes before the first file"
        );
        assert!(
            read(&[good.as_slice(), b"x"].concat(), CONTAINER).is_err(),
            "bytes after the end"
        );
    }
}
