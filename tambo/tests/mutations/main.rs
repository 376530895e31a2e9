//! Every reader of foreign bytes against mutated real data, on the stable toolchain: the same entries as the targets of
//! `fuzz/`, without guidance by coverage.
//!
//! The data are X-Road's own files where they lie beside the project, and texts of `seeds.rs`. Each reader gets a second,
//! or as many as `TAMBO_MUTATE_SECONDS` says; an input that a reader fails on is kept in a file that is named.
//! `TAMBO_SEEDS=FOLDER` writes the data as first corpus for the fuzzer.

mod seeds;

use std::path::Path;
use std::time::{Duration, Instant};

use kernel::{Chance, SeededChance};

/// A reader that must take any bytes.
type Entry = fn(&[u8]);

/// The targets of `fuzz/fuzz_targets`, by their names.
const TARGETS: [(&str, Entry); 21] = [
    ("agreement", exchange::fuzz::agreement),
    ("archive", exchange::fuzz::archive),
    ("certificate", trust::cert::fuzz),
    ("certificate_request", trust::ca_request::fuzz),
    ("cms", trust::cms::fuzz),
    ("container", trust::asic::fuzz),
    ("description", exchange::fuzz::description),
    ("events", exchange::fuzz::events),
    ("global_configuration", |bytes| {
        let _ = trust::globalconf::SharedParams::parse(bytes);
    }),
    ("hash_chain", trust::hashchain::fuzz),
    ("joining", registry::domain::fuzz),
    ("message", exchange::domain::fuzz),
    ("note", |bytes| {
        let _ = trust::log::note::Note::parse(bytes);
        let _ = trust::log::ProofFile::parse(bytes);
    }),
    ("ocsp", trust::ocsp::fuzz),
    ("pdf", |bytes| {
        let verifier = documents::Verifier::new(trust::Anchors::default());
        let _ = verifier.verify(bytes, kernel::Moment::from_seconds(1_800_000_000));
    }),
    ("procedure", |bytes| {
        let text = String::from_utf8_lossy(bytes);
        let _ = workflow::procedure::Procedure::parse(&text);
    }),
    ("registry_answer", exchange::fuzz::registry_answer),
    ("registry_file", exchange::fuzz::registry_file),
    ("signed_configuration", trust::globalconf::fuzz),
    ("time_stamp", trust::tsp::fuzz),
    ("xades", |bytes| {
        let _ = trust::xades::verify(bytes, &|_| Some(bytes));
    }),
];

/// What a reader may take for one input in a build without optimisation, on a machine that does other things too.
const SLOWEST: Duration = Duration::from_secs(10);
/// Largest input that is made; limits of readers above it have tests of their own.
const LARGEST: usize = 256 * 1024;
/// Pieces that mean something to some reader.
const WORDS: [&[u8]; 25] = [
    b"\r\n",
    b"\r\n\r\n",
    b"--",
    b"\0",
    b"\xff\xff\xff\xff",
    b"\x30\x84\x7f\xff\xff\xff",
    b"\x30\x80",
    b"<!DOCTYPE x>",
    b"<!--",
    b"]]>",
    b"&#0;",
    b"&#x10FFFF;",
    b"]",
    b"}",
    b"{\"",
    b"[[[[[[[[",
    b"\"\"",
    b"%2e%2e/",
    b"%00",
    b"-1",
    b"18446744073709551616",
    b"9223372036854775807",
    b"9999-12-31T23:59:59Z",
    b"\xef\xbb\xbf",
    b"\xc3\x28",
];

/// Numbers from a seed.
struct Dice(SeededChance);

impl Dice {
    /// A number below `below`.
    fn number(&self, below: usize) -> usize {
        let mut bytes = [0; 8];
        self.0.fill(&mut bytes);
        usize::try_from(u64::from_le_bytes(bytes) % below.max(1) as u64).unwrap_or(0)
    }

    fn word(&self) -> impl Iterator<Item = u8> + use<> {
        WORDS[self.number(WORDS.len())].iter().copied()
    }

    /// Changes a copy of one of `seeds` a little, or much.
    fn mutated(&self, seeds: &[Vec<u8>]) -> Vec<u8> {
        let mut input = seeds[self.number(seeds.len())].clone();
        for _ in 0..=self.number(6) {
            self.change(&mut input, seeds);
            input.truncate(LARGEST);
        }
        input
    }

    fn change(&self, input: &mut Vec<u8>, seeds: &[Vec<u8>]) {
        let at = self.number(input.len() + 1);
        let most = [1, 4, 40, 4_000][self.number(4)];
        let end = (at + 1 + self.number(most)).min(input.len());
        match self.number(9) {
            0 if at < end => input[at] ^= 1 << self.number(8),
            1 if at < end => {
                input[at] = [0, 1, 0x7f, 0x80, 0xff, b'<', b'"', b'0'][self.number(8)];
            }
            2 if at < end => drop(input.drain(at..end)),
            3 if at < end => {
                let (copy, to) = (input[at..end].to_vec(), self.number(input.len()));
                input.splice(to..to, copy);
            }
            4 => input.truncate(at),
            5 => drop(input.splice(at..at, self.word())),
            6 if at < end => drop(input.splice(at..end, self.word())),
            7 => {
                let other = &seeds[self.number(seeds.len())];
                input.truncate(at);
                input.extend_from_slice(&other[self.number(other.len())..]);
            }
            8 if at < end => {
                let piece = input[at..end].repeat(self.number(64));
                input.splice(at..at, piece);
            }
            _ => {}
        }
    }
}

/// Runs one reader for `time`; how many inputs it took.
fn run(name: &str, entry: Entry, seeds: &[Vec<u8>], time: Duration) -> u64 {
    let (began, mut count) = (Instant::now(), 0);
    seeds.iter().for_each(|seed| entry(seed));
    while began.elapsed() < time {
        let input = Dice(SeededChance::new(count)).mutated(seeds);
        let at = Instant::now();
        let done = std::panic::catch_unwind(|| entry(&input));
        if done.is_err() || at.elapsed() > SLOWEST {
            let place = std::env::temp_dir().join(format!("tambo-mutation-{name}-{count}"));
            let _ = std::fs::write(&place, &input);
            let (took, place) = (at.elapsed(), place.display());
            panic!("{name}: input {count} panics or takes {took:?}; it is in {place}");
        }
        count += 1;
    }
    count
}

fn keep(name: &str, seeds: &[Vec<u8>], folder: &str) {
    let folder = Path::new(folder).join(name);
    std::fs::create_dir_all(&folder).expect("a folder for seeds");
    for (at, seed) in seeds.iter().enumerate() {
        std::fs::write(folder.join(format!("seed-{at}")), seed).expect("a seed");
    }
}

#[test]
fn no_reader_of_foreign_bytes_fails_on_mutated_real_data() {
    let has_real = Path::new(seeds::FIXTURES).is_dir();
    if !has_real {
        println!("not run: readers on mutated data of X-Road: ../shared/fixtures/xroad is absent");
    }
    let seeds = seeds::all();
    let seconds = std::env::var("TAMBO_MUTATE_SECONDS");
    let seconds = seconds.ok().and_then(|text| text.parse().ok());
    for (name, entry) in TARGETS {
        let Some(seeds) = seeds.get(name) else {
            assert!(!has_real, "{name} has no data");
            continue;
        };
        if let Ok(folder) = std::env::var("TAMBO_SEEDS") {
            keep(name, seeds, &folder);
        }
        let time = Duration::from_secs(seconds.unwrap_or(1));
        let count = run(name, entry, seeds, time);
        println!("{name}: {count} inputs from {} seeds", seeds.len());
    }
}

#[test]
fn every_target_of_the_fuzzer_is_run_here_too() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../fuzz/fuzz_targets");
    let entries = std::fs::read_dir(folder).expect("the targets");
    let mut names: Vec<_> = entries
        .flatten()
        .filter_map(|entry| Some(entry.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort_unstable();
    assert_eq!(names, TARGETS.map(|(name, _)| name));
}
