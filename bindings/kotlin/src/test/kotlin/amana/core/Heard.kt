package amana.core

import java.util.concurrent.CopyOnWriteArrayList

/** Hears how a sync goes on, and cancels it as soon as it comes to a phase. */
internal class Heard(
    private val cancelAt: String? = null,
    private val cancel: CancelHandle? = null,
) : SyncListener {
    val phases = CopyOnWriteArrayList<String>()

    override fun progress(progress: SyncProgress) {
        phases.add(progress.phase)
        if (progress.phase == cancelAt) cancel?.cancel()
    }
}
