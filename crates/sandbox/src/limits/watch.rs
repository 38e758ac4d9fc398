//! Bounds that no kernel mechanism keeps: they are watched, and the run is ended.

use std::collections::HashSet;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Resident memory in bytes and number of threads of all processes of this pid namespace but its init.
pub(crate) fn usage_here() -> (u64, u64) {
    let page = rustix::param::page_size() as u64;
    let (mut memory, mut threads) = (0, 0);
    let Ok(list) = fs::read_dir("/proc") else { return (0, 0) };
    for entry in list.flatten() {
        let name = entry.file_name();
        let Some(pid) = name.to_str().and_then(|n| n.parse::<u32>().ok()).filter(|p| *p != 1) else {
            continue;
        };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        let Some((_, rest)) = stat.rsplit_once(')') else { continue };
        let fields: Vec<&str> = rest.split_whitespace().collect();
        let field = |at: usize| fields.get(at).and_then(|f| f.parse::<u64>().ok()).unwrap_or(0);
        threads += field(17);
        memory += field(21) * page;
    }
    (memory, threads)
}

/// Bytes on disk below some folders, hard links counted once. Stops counting past `enough`. A file that is
/// deleted and still open is not seen.
pub(crate) fn disk_usage(folders: &[PathBuf], enough: u64) -> u64 {
    let mut total = 0;
    let mut links = HashSet::new();
    let mut todo: Vec<PathBuf> = folders.to_vec();
    while let Some(folder) = todo.pop() {
        for path in entries(&folder) {
            let Ok(meta) = fs::symlink_metadata(&path) else { continue };
            if meta.is_dir() {
                todo.push(path);
            } else if meta.nlink() > 1 && !links.insert(meta.ino()) {
                continue;
            }
            total += meta.blocks() * 512;
            if total > enough {
                return total;
            }
        }
    }
    total
}

fn entries(folder: &Path) -> Vec<PathBuf> {
    fs::read_dir(folder).map(|list| list.flatten().map(|e| e.path()).collect()).unwrap_or_default()
}
