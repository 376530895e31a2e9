//! Archives of the message log: files of containers that rest on each other, for years on other media.
//!
//! Written by `tambo archive` and a timer, read by whoever verifies. Only messages that are over and stamped go in. It
//! promises that an archive is on disk before the store says so, that a process which dies in between writes the same
//! file again, and that nothing is removed from the store which is not in an archive. Encryption is the medium's.

pub mod links;

use std::path::{Path, PathBuf};

use kernel::{Fault, Id, Moment};
use serde::{Deserialize, Serialize};
use trust::asic::{self, BatchStamp, Container};
use trust::hashchain::Tree;
use trust::zip;

use self::links::{End, Links};
use crate::Exchange;
use crate::record::sha256;
use crate::sql::archive::{self as rows, ArchiveRow};
use crate::sql::{self, Half, QuestionRow, StampRow};
use crate::stamps::stamped_digests;

/// Bytes of containers after which an archive is closed: X-Road's own `archive-max-filesize`.
const FILE_BYTES: usize = 32 << 20;
/// Most containers of one archive.
const CONTAINERS_MAX: usize = 10_000;
/// Questions read at a time.
const PAGE: usize = 200;
const DAY_SECONDS: i64 = 86_400;
/// Messages younger than this, in seconds, are never archived: identifiers of one moment have no order, and one may be on
/// its way to the store while a younger one is there already.
pub(crate) const SETTLED_SECONDS: i64 = 120;

/// Section `[exchange.archive]`.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArchiveSettings {
    /// Where archives are written; empty for no archive by itself.
    pub folder: PathBuf,
    /// Messages younger than this, in days, stay out of it.
    pub older_than_days: i64,
    /// After so many days archived messages are removed from the store; 0 for never.
    pub remove_after_days: i64,
}

impl Default for ArchiveSettings {
    fn default() -> Self {
        Self {
            folder: PathBuf::new(),
            older_than_days: 1,
            remove_after_days: 0,
        }
    }
}

/// What a turn of archiving did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Archived {
    /// The files written.
    pub files: Vec<PathBuf>,
    /// The containers in them.
    pub containers: usize,
    /// Turns of the journal whose messages are in the archive alone now.
    pub emptied: u64,
}

/// The stamp that was used last, with everything to find a message's chain in it.
struct Stamped {
    row: StampRow,
    digests: Vec<[u8; 32]>,
    tree: Tree<'static>,
}

/// One archive in the making.
struct Pack {
    links: Links,
    files: Vec<(String, Vec<u8>)>,
    bytes: usize,
    first: Option<Moment>,
    newest: Moment,
    last: Option<Id>,
    late: Vec<Id>,
}

impl Pack {
    fn is_full(&self) -> bool {
        self.bytes >= FILE_BYTES || self.files.len() >= CONTAINERS_MAX
    }

    fn add(&mut self, name: String, container: Vec<u8>, at: Moment) {
        self.links.add(&name, &container);
        self.bytes += container.len();
        self.files.push((name, container));
        self.first = Some(self.first.map_or(at, |first| first.min(at)));
        self.newest = self.newest.max(at);
    }
}

impl Exchange {
    /// Archives by the settings: writes what is old enough, then removes what was archived long ago. Run by a timer.
    ///
    /// # Errors
    /// The store failed, or the folder can't be written.
    pub async fn archive_by_settings(&self) -> Result<Archived, Fault> {
        let settings = &self.inner.settings.archive;
        if settings.folder.as_os_str().is_empty() {
            return Ok(Archived::default());
        }
        let remove = (settings.remove_after_days > 0).then_some(settings.remove_after_days);
        self.write_archives(&settings.folder, settings.older_than_days, remove)
            .await
    }

    /// Writes archives of all messages older than so many days into `folder`; with `remove_after` days, removes from the
    /// store what is archived and older than that.
    ///
    /// # Errors
    /// The store failed, or the folder can't be written.
    pub async fn write_archives(
        &self,
        folder: &Path,
        older_than: i64,
        remove_after: Option<i64>,
    ) -> Result<Archived, Fault> {
        let now = self.inner.clock.now();
        let before = |days: i64| {
            let age = days.max(0).saturating_mul(DAY_SECONDS);
            now.plus_seconds(-age.max(SETTLED_SECONDS))
        };
        let mut done = Archived::default();
        while let Some((path, containers)) = self.write_archive(folder, before(older_than)).await? {
            done.files.push(path);
            done.containers += containers;
        }
        if let Some(days) = remove_after {
            let mut tx = self.inner.store.begin().await?;
            let archived = rows::latest(&mut tx).await?.0;
            // A half that came late may lie in a turn of its own; nothing goes before it is in an archive too.
            if let Some(archived) = archived
                && rows::late(&mut tx, &archived.last, 1).await?.is_empty()
            {
                done.emptied =
                    rows::remove(&mut tx, &archived.last, before(days), SETTLED_SECONDS).await?;
                tx.commit().await?;
            }
        }
        Ok(done)
    }

    /// Writes one archive; `None` if there is nothing to write.
    pub(crate) async fn write_archive(
        &self,
        folder: &Path,
        before: Moment,
    ) -> Result<Option<(PathBuf, usize)>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let (last, begun) = rows::latest(&mut tx).await?;
        drop(tx);
        let pack = self.next_pack(last.as_ref(), before).await?;
        let Some(last_question) = pack.last.map(|id| id.to_string()).or_else(|| {
            let late = !pack.files.is_empty();
            last.as_ref().filter(|_| late).map(|last| last.last.clone())
        }) else {
            return Ok(None);
        };
        let n = last.as_ref().map_or(1, |last| last.n + 1);
        let file = match begun {
            Some(begun) => begun.file,
            None => {
                let file = self.file_name(&pack);
                let mut tx = self.inner.store.begin().await?;
                rows::begin(&mut tx, n, &file, self.inner.clock.now()).await?;
                tx.commit().await?;
                file
            }
        };
        let path = folder.join(&file);
        let bytes = zipped(&pack).map_err(Fault::internal)?;
        keep_file(path.clone(), bytes).await?;
        let end = pack.links.end(&file);
        let mut tx = self.inner.store.begin().await?;
        rows::done(&mut tx, n, &end.digest, &last_question, pack.files.len()).await?;
        for question in &pack.late {
            rows::drop_late(&mut tx, *question).await?;
        }
        tx.commit().await?;
        Ok(Some((path, pack.files.len())))
    }

    fn file_name(&self, pack: &Pack) -> String {
        let text = |moment: Moment| moment.iso_seconds().replace(['-', ':', 'T', 'Z'], "");
        let mut chance = [0_u8; 8];
        self.inner.chance.fill(&mut chance);
        format!(
            "mlog-{}-{}-{}.zip",
            text(pack.first.unwrap_or_default()),
            text(pack.newest),
            data_encoding::HEXLOWER.encode(&chance)
        )
    }

    /// The containers after the last archive, up to its limits or to the first message that is not ready.
    async fn next_pack(&self, last: Option<&ArchiveRow>, before: Moment) -> Result<Pack, Fault> {
        let mut pack = Pack {
            links: Links::new(last.map(|last| End {
                digest: last.digest.clone(),
                file: last.file.clone(),
            })),
            files: Vec::new(),
            bytes: 0,
            first: None,
            newest: Moment(0),
            last: None,
            late: Vec::new(),
        };
        let mut stamp = None;
        let archived = last.map_or(String::new(), |last| last.last.clone());
        let mut tx = self.inner.store.read().await?;
        let late = rows::late(&mut tx, &archived, PAGE).await?;
        drop(tx);
        for (number, id) in late {
            if self
                .pack_one(&mut pack, &mut stamp, (&number, id), before)
                .await?
            {
                pack.late.push(id);
            }
        }
        let mut after = archived;
        loop {
            let mut tx = self.inner.store.read().await?;
            let page = rows::questions_after(&mut tx, &after, PAGE).await?;
            drop(tx);
            for (number, id) in &page {
                if pack.is_full()
                    || !self
                        .pack_one(&mut pack, &mut stamp, (number, *id), before)
                        .await?
                {
                    return Ok(pack);
                }
                pack.last = Some(*id);
                after = id.to_string();
            }
            if page.len() < PAGE {
                return Ok(pack);
            }
        }
    }

    /// Adds the halves of one question; `false` if it is not ready.
    async fn pack_one(
        &self,
        pack: &mut Pack,
        stamp: &mut Option<Stamped>,
        (number, id): (&str, Id),
        before: Moment,
    ) -> Result<bool, Fault> {
        let mut tx = self.inner.store.read().await?;
        let found = sql::questions_by_number(&mut tx, number).await?;
        drop(tx);
        let Some(question) = found.into_iter().find(|row| row.id == id) else {
            return Ok(true);
        };
        if question.outcome == "asked" || question.asked_at >= before {
            return Ok(false);
        }
        let mut halves = Vec::new();
        for half in [Half::Request, Half::Response] {
            match self.container_of(&question, half, stamp).await? {
                Ready::Absent => {}
                Ready::NotStamped => return Ok(false),
                Ready::Whole(container, at) => halves.push((half, container, at)),
            }
        }
        for (half, container, at) in halves {
            pack.add(container_name(&question, half), container, at);
        }
        Ok(true)
    }

    async fn container_of(
        &self,
        question: &QuestionRow,
        half: Half,
        stamp: &mut Option<Stamped>,
    ) -> Result<Ready, Fault> {
        let place = match half {
            Half::Request => Some(question.request),
            Half::Response => question.response,
        };
        let Some(place) = place else {
            return Ok(Ready::Absent);
        };
        let (parts, at) = match self.message(question, half, place).await {
            Ok(message) => message,
            // In an archive already, and removed here.
            Err(fault) if fault.key == crate::container::ARCHIVED => return Ok(Ready::Absent),
            Err(fault) => return Err(fault),
        };
        let Some(batch_stamp) = self.stamp_in(stamp, place.turn, &parts.signature).await? else {
            return Ok(Ready::NotStamped);
        };
        let mut attachments = Vec::new();
        if let Some(body) = &parts.body {
            attachments.push(body.to_vec().await.map_err(Fault::internal)?);
        }
        let container = Container {
            message: parts.rest.into_bytes(),
            attachments,
            signature: parts.signature,
            hash_chain: parts.chain_result.zip(parts.chain),
            batch_stamp: Some(batch_stamp),
        };
        let bytes = container.to_bytes(at).map_err(Fault::internal)?;
        Ok(Ready::Whole(bytes, at))
    }

    /// As `batch_stamp`, with the stamp's tree kept from message to message.
    async fn stamp_in(
        &self,
        kept: &mut Option<Stamped>,
        turn: i64,
        signature: &[u8],
    ) -> Result<Option<BatchStamp>, Fault> {
        let covers = |row: &StampRow| (row.turns.0..=row.turns.1).contains(&turn);
        if !kept.as_ref().is_some_and(|kept| covers(&kept.row)) {
            *kept = self.stamped(turn).await?;
        }
        let Some(kept) = kept else {
            return Ok(None);
        };
        let wanted = sha256(signature);
        let at = kept.digests.iter().position(|digest| *digest == wanted);
        let chain = at.and_then(|at| kept.tree.chain(at));
        let chain = chain.ok_or_else(|| Fault::internal("a stamped signature is missing"))?;
        Ok(Some(BatchStamp {
            result: kept.row.chain_result.clone(),
            chain: chain.into_bytes(),
            token: kept.row.token.clone(),
        }))
    }

    async fn stamped(&self, turn: i64) -> Result<Option<Stamped>, Fault> {
        let mut tx = self.inner.store.read().await?;
        let Some(row) = sql::stamp_of(&mut tx, turn).await? else {
            return Ok(None);
        };
        let digests = stamped_digests(&mut tx, row.turns).await?;
        let tree = asic::stamp_tree(&digests).map_err(Fault::internal)?;
        Ok(Some(Stamped { row, digests, tree }))
    }
}

enum Ready {
    Absent,
    NotStamped,
    Whole(Vec<u8>, Moment),
}

/// The message number as far as it fits a file name, the half, and the journal's identifier.
fn container_name(question: &QuestionRow, half: Half) -> String {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let number = question.number.chars().take(80);
    let number: String = number.map(|c| if fits(c) { c } else { '_' }).collect();
    format!("{number}-{}-{}.asice", half.text(), question.id)
}

fn zipped(pack: &Pack) -> Result<Vec<u8>, zip::ZipError> {
    let mut writer = zip::Writer::new(pack.newest);
    for (name, bytes) in &pack.files {
        writer.stored(name, bytes)?;
    }
    writer.deflated(links::FILE, pack.links.text().as_bytes())?;
    writer.finish("")
}

/// Puts a file in its place at once and for good: whoever sees it sees all of it, also after a power failure.
async fn keep_file(path: PathBuf, bytes: Vec<u8>) -> Result<(), Fault> {
    let work = move || -> std::io::Result<()> {
        let folder = path.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder)?;
        let draft = path.with_extension("part");
        let mut file = std::fs::File::create(&draft)?;
        std::io::Write::write_all(&mut file, &bytes)?;
        file.sync_all()?;
        std::fs::rename(&draft, &path)?;
        std::fs::File::open(folder)?.sync_all()
    };
    let done = tokio::task::spawn_blocking(work).await;
    done.map_err(Fault::internal)?.map_err(Fault::internal)
}

/// Limits of an archive that is read: twice what is written, and small files that inflate little.
pub const LIMITS: zip::Limits = zip::Limits {
    archive_bytes: FILE_BYTES * 4,
    entries: links::ENTRIES_MAX,
    inflated_bytes: FILE_BYTES * 8,
};
