//! How the allocator keeps memory.
#![expect(unsafe_code, reason = "mallopt has no safe form")]

/// Blocks from this size on go back to the system when they are freed. Left alone, glibc raises its own threshold with each large block
/// that is freed, so that the buffers of a burst of readers stay resident for good.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
const GIVEN_BACK_BYTES: libc::c_int = 128 << 10;

/// Called once, before any thread is started.
pub fn give_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallopt changes a setting of the allocator; no other thread runs yet. A refusal leaves the default, which is only larger.
        unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, GIVEN_BACK_BYTES) };
    }
}
