//! From pointers to slices: the one place with `unsafe` bodies.

/// Takes what C hands over as bytes to be read; a null pointer is nothing.
///
/// # Safety
/// The pointer is null, or leads to `length` bytes that stay as they are for `'a`.
pub(crate) unsafe fn slice<'a>(pointer: *const u8, length: usize) -> &'a [u8] {
    if pointer.is_null() {
        return &[];
    }
    // SAFETY: it is not null, and the caller answers for the rest.
    unsafe { core::slice::from_raw_parts(pointer, length) }
}

/// Takes what C hands over as room to be written to; a null pointer is none.
///
/// # Safety
/// The pointer is null, or leads to `length` bytes that nobody else reads or writes for `'a`.
pub(crate) unsafe fn slice_mut<'a>(pointer: *mut u8, length: usize) -> &'a mut [u8] {
    if pointer.is_null() {
        return &mut [];
    }
    // SAFETY: it is not null, and the caller answers for the rest.
    unsafe { core::slice::from_raw_parts_mut(pointer, length) }
}

/// Takes a string of C; a null pointer is an empty one.
///
/// # Safety
/// The pointer is null, or leads to bytes up to a zero that stay as they are for `'a`.
pub(crate) unsafe fn string<'a>(pointer: *const core::ffi::c_char) -> &'a [u8] {
    if pointer.is_null() {
        return &[];
    }
    // SAFETY: it is not null, and the caller answers for the rest.
    unsafe { core::ffi::CStr::from_ptr(pointer) }.to_bytes()
}
