//! `tambo verify`: what files prove, step by step, and where they are damaged.

use std::path::PathBuf;

use kernel::{Clock, SystemClock};

use super::{Outcome, Problem};
use crate::house;
use crate::verify::{Trusted, Verdict, verify_archives, verify_file};

/// The word before folders of archives.
const ARCHIVE: &str = "archive";

/// Options of `verify`.
#[derive(clap::Args)]
pub struct VerifyOptions {
    /// The files; or the word `archive` and folders of archives.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Folder of what you trust: certificates (*.pem), log-keys.txt, and X-Road's shared parameters, as its verifier takes
    /// them (INSTANCE/shared-params.xml) or alone; or a ZIP archive of those, as GET /verificationconf gives it.
    #[arg(long, value_name = "DIR", visible_alias = "conf")]
    trust: Option<PathBuf>,
    /// File with the passphrase of a backup.
    #[arg(long, value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
}

/// Runs the command.
pub fn run(options: &VerifyOptions) -> Outcome {
    let now = SystemClock.now();
    let mut trusted = match &options.trust {
        Some(folder) => Trusted::from_folder(folder, now)?,
        None => Trusted::nobody(now),
    };
    if let Some(file) = &options.passphrase_file {
        trusted.passphrase = Some(house::passphrase_from(Some(file))?);
    }
    let (mut failed, mut count) = (0, 0);
    let files = match options.files.split_first() {
        Some((word, folders)) if word.as_os_str() == ARCHIVE && !folders.is_empty() => folders,
        _ => &options.files[..],
    };
    for file in files {
        if file.is_dir() {
            for report in verify_archives(file, &trusted)? {
                print!("{report}");
                count += 1;
                failed += usize::from(report.verdict() != Verdict::Valid);
            }
            continue;
        }
        let report = verify_file(file, &trusted);
        print!("{report}");
        count += 1;
        failed += usize::from(report.verdict() != Verdict::Valid);
    }
    match failed {
        0 => Ok(()),
        failed => Err(Problem(format!(
            "{failed} of {count} files are not proven valid"
        ))),
    }
}
