//! Image root file systems, unpacked once into the data folder and used again by digest.

use detektr_sandbox::image::{self, ImageError, ImageInfo};
use rustix::fs::{FlockOperation, Mode, OFlags, flock, open};
use sha2::{Digest, Sha256};
use std::fs::{self, File, Permissions};
use std::io::{self, Read};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// An unpacked image, kept from removal by others while this lives.
pub struct UnpackedImage {
    /// Its tree.
    pub root: PathBuf,
    /// Hash of the tar.
    pub sha256: String,
    /// What it is, and what of it was left out.
    pub info: ImageInfo,
    _lock: OwnedFd,
}

/// Why an image can't be used.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// A file of the host's.
    #[error("{what} {path}")]
    File {
        /// What was done.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// What the kernel said.
        #[source]
        source: io::Error,
    },
    /// The image itself.
    #[error(transparent)]
    Image(#[from] ImageError),
}

/// Unpacks the image in `tar` below `folder`, or finds it there.
pub fn unpacked(tar: &Path, folder: &Path) -> Result<UnpackedImage, UnpackError> {
    let file = |what: &'static str, path: &Path| {
        let path = path.to_owned();
        move |source: io::Error| UnpackError::File { what, path, source }
    };
    let sha256 = sha256_of(tar).map_err(file("can't read the image", tar))?;
    fs::create_dir_all(folder).map_err(file("can't make the folder", folder))?;
    // Trees hold setuid programs of strangers: nobody else comes in here.
    fs::set_permissions(folder, Permissions::from_mode(0o700))
        .map_err(file("can't close the folder", folder))?;
    sweep(folder);
    let root = folder.join(&sha256);
    let told = folder.join(format!("{sha256}.json"));
    if !root.exists() {
        let partial = folder.join(format!("{sha256}.{}.partial", std::process::id()));
        fs::create_dir_all(&partial).map_err(file("can't make the folder", &partial))?;
        let _lock = lock(&partial).map_err(file("can't lock", &partial))?;
        let info = match image::unpack(tar, &partial) {
            Ok(info) => info,
            Err(error) => {
                // The error that matters is the image's.
                drop(fs::remove_dir_all(&partial));
                return Err(error.into());
            }
        };
        // Inside, the root folder is what the image wants it to be.
        let mode = Permissions::from_mode(info.root_mode);
        fs::set_permissions(&partial, mode).map_err(file("can't set the mode of", &partial))?;
        // It is there before the tree gets its name, and the same whoever writes it.
        let text = serde_json::to_vec(&info).map_err(|error| file("can't tell", &told)(error.into()))?;
        fs::write(&told, text).map_err(file("can't write", &told))?;
        match fs::rename(&partial, &root) {
            Ok(()) => {}
            // Another run unpacked the same image meanwhile.
            Err(_) if root.exists() => drop(fs::remove_dir_all(&partial)),
            Err(source) => return Err(file("can't rename to", &root)(source)),
        }
    }
    let _lock = lock(&root).map_err(file("can't lock", &root))?;
    let info = fs::read(&told)
        .and_then(|text| serde_json::from_slice(&text).map_err(io::Error::from))
        .map_err(file("can't read", &told))?;
    Ok(UnpackedImage { root, sha256, info, _lock })
}

/// Removes what a killed run left half unpacked.
fn sweep(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let partial = path.extension().is_some_and(|extension| extension == "partial");
        if partial && exclusive(&path) {
            // It may be another's by now; the next start tries again.
            drop(fs::remove_dir_all(&path));
        }
    }
}

fn directory(path: &Path) -> rustix::io::Result<OwnedFd> {
    open(path, OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty())
}

fn lock(path: &Path) -> io::Result<OwnedFd> {
    let fd = directory(path)?;
    flock(&fd, FlockOperation::LockShared)?;
    Ok(fd)
}

/// Whether nobody holds `path`'s lock.
fn exclusive(path: &Path) -> bool {
    directory(path).is_ok_and(|fd| flock(&fd, FlockOperation::NonBlockingLockExclusive).is_ok())
}

/// Hash of a file's content, as hexadecimal.
pub fn sha256_of(path: &Path) -> io::Result<String> {
    let mut file = HashingReader::new(File::open(path)?);
    io::copy(&mut file, &mut io::sink())?;
    Ok(file.finish())
}

/// Passes a file on, and hashes what it passes.
pub struct HashingReader {
    file: File,
    hasher: Sha256,
}

impl HashingReader {
    /// Begins at the file's position.
    pub fn new(file: File) -> Self {
        HashingReader { file, hasher: Sha256::new() }
    }

    /// The hash of what was read, as hexadecimal.
    pub fn finish(self) -> String {
        self.hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

impl Read for HashingReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.file.read(buffer)?;
        self.hasher.update(&buffer[..length]);
        Ok(length)
    }
}
