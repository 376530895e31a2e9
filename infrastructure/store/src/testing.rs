//! For tests of every crate: the same test on SQLite, and on PostgreSQL where `TAMBO_TEST_POSTGRES` names a server.
//!
//! Each test gets a store of its own: a file in a fresh folder, a schema of its own on the server.

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;

use kernel::{Chance, Clock, SystemChance, SystemClock};

use crate::Store;

/// The environment variable with the address of a PostgreSQL server for tests, for example `postgres://me@localhost/test`.
pub const POSTGRES: &str = "TAMBO_TEST_POSTGRES";

/// Runs `test` on each engine with the machine's clock.
///
/// # Panics
/// If a store can't be made, or the test panics.
pub async fn both<F, R>(test: F)
where
    F: Fn(Store) -> R,
    R: Future<Output = ()>,
{
    both_at(Arc::new(SystemClock), test).await;
}

/// Runs `test` on each engine with `clock`.
///
/// # Panics
/// If a store can't be made, or the test panics.
pub async fn both_at<F, R>(clock: Arc<dyn Clock>, test: F)
where
    F: Fn(Store) -> R,
    R: Future<Output = ()>,
{
    let folder = Folder::new();
    test(sqlite(&folder, clock.clone()).await).await;
    match std::env::var(POSTGRES) {
        Ok(url) => test(postgres(&url, clock).await).await,
        Err(_) => eprintln!("not run on PostgreSQL: {POSTGRES} is not set"),
    }
}

/// A store in a file of `folder`.
///
/// # Panics
/// If the file can't be made.
pub async fn sqlite(folder: &Folder, clock: Arc<dyn Clock>) -> Store {
    let path = folder
        .path()
        .join(format!("{}.db", &SystemChance::default().token()[..12]));
    let url = format!("sqlite:{}", path.display());
    Store::open(&url, clock, Arc::new(SystemChance::default()))
        .await
        .expect("a file for the test")
}

async fn postgres(url: &str, clock: Arc<dyn Clock>) -> Store {
    let schema = format!("t_{}", &SystemChance::default().token()[..16]);
    crate::make_schema(url, &schema, false)
        .await
        .expect("the test server gives a schema");
    let mark = if url.contains('?') { '&' } else { '?' };
    let url = format!("{url}{mark}options=-c%20search_path%3D{schema}");
    Store::open(&url, clock, Arc::new(SystemChance::default()))
        .await
        .expect("the test server answers")
}

/// A fresh folder that is removed at the end.
#[derive(Debug)]
pub struct Folder(PathBuf);

impl Folder {
    /// A new folder in the machine's place for temporary files.
    ///
    /// # Panics
    /// If it can't be made.
    #[expect(
        clippy::new_without_default,
        reason = "making a folder is not a default"
    )]
    pub fn new() -> Self {
        let name = format!("tambo-test-{}", &SystemChance::default().token()[..16]);
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("a folder for the test");
        Self(path)
    }

    /// Where it is.
    pub fn path(&self) -> &std::path::Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
