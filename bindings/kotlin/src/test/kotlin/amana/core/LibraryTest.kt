package amana.core

import kotlin.test.Test

class LibraryTest {
    /** Compares the library's contract version and every function's checksum with the bindings. */
    @Test
    fun libraryBelongsToTheseBindings() {
        uniffiEnsureInitialized()
    }
}
