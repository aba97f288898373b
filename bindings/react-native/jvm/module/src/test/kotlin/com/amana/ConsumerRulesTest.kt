package com.amana

import java.io.File
import java.nio.file.Files
import java.util.concurrent.TimeUnit
import java.util.zip.ZipFile
import kotlin.test.AfterTest
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertNotEquals
import kotlin.test.assertTrue

/**
 * A release build of an app: R8 shrinks and renames the module, the bindings and what they need, by the
 * rules that the package brings along, and the result still works. As class files, so that it runs here.
 */
class ConsumerRulesTest {
    private val work: File = Files.createTempDirectory("amana-r8").toFile()
    private val rules = File(System.getProperty("amana.android"), "consumer-rules.pro").readLines()
    private val classPath = System.getProperty("java.class.path").split(File.pathSeparator).map(::File)

    @AfterTest
    fun end() {
        work.deleteRecursively()
    }

    @Test
    fun whatR8LeavesWorks() {
        val app = shrunk(rules)
        // it did its work: what nobody calls is gone, and what no rule keeps has another name
        val classes = ZipFile(app).use { zip -> zip.entries().toList().map { it.name } }
        assertTrue("com/amana/DirectCalls.class" in classes)
        assertTrue("amana/core/Vault.class" in classes)
        assertTrue("com/sun/jna/Native.class" in classes)
        assertTrue("com/amana/CoreBridge.class" !in classes)
        val expected = listOf(
            "locked", "true", "unlocked",
            "tv", "tv", "true", "onKvChange stored:app", "true", "invalid_input", "closed",
        )
        assertEquals(expected, run(app).lines)
    }

    /** Each of the rules that keep something is needed: without it what R8 leaves does not work. */
    @Test
    fun withoutAnyOfTheRulesItDoesNot() {
        val kept = rules.filter { it.startsWith("-keep") }
        assertEquals(4, kept.size)
        for (rule in kept) {
            assertNotEquals(0, run(shrunk(rules - rule)).code, rule)
        }
    }

    private fun shrunk(rules: List<String>): File {
        val mine = File(work, "rules.pro")
        val entry = "-keep class com.amana.ShrunkMainKt { public static void main(...); }"
        mine.writeText((rules + entry).joinToString("\n"))
        val app = File(work, "app.jar")
        val (libraries, others) = classPath.filter {
            it.exists()
        }.partition { file -> PROVIDED.any(file.path::contains) }
        val program = others.filter { file -> PROGRAM.any(file.path::contains) }
        val jars = program.map { if (it.isDirectory) jarOf(it) else it }
        val ended = start(
            listOf("-cp", r8().path, "com.android.tools.r8.R8", "--classfile", "--release", "--output", app.path) +
                listOf("--lib", System.getProperty("java.home")) +
                libraries.map { if (it.isDirectory) jarOf(it) else it }.flatMap { listOf("--lib", it.path) } +
                listOf("--pg-conf", mine.path) + brought(jars) + jars.map { it.path },
        )
        assertEquals(0, ended.code, ended.lines.takeLast(30).joinToString("\n"))
        return app
    }

    private fun run(app: File): Ended {
        val provided = classPath.filter { file -> PROVIDED.any(file.path::contains) }
        val path = (listOf(app) + provided).joinToString(File.pathSeparator) { it.path }
        val libraries = System.getProperty("java.library.path")
        val home = Files.createTempDirectory(work.toPath(), "home").toString()
        return start(
            listOf("-Djava.library.path=$libraries", "-Djna.library.path=$libraries", "-cp", path) +
                listOf("com.amana.ShrunkMainKt", home),
        )
    }

    /** The rules that the libraries themselves bring along, as Android's build takes them. */
    private fun brought(jars: List<File>): List<String> = jars.flatMapIndexed { i, jar ->
        ZipFile(jar).use { zip ->
            zip.entries().toList().filter { it.name.startsWith("META-INF/proguard/") && it.name.endsWith(".pro") }
                .flatMap { entry ->
                    val file = File(work, "brought-$i-${File(entry.name).name}")
                    zip.getInputStream(entry).use { input -> file.outputStream().use(input::copyTo) }
                    listOf("--pg-conf", file.path)
                }
        }
    }

    private fun jarOf(directory: File): File {
        val jar = File(work, directory.path.hashCode().toUInt().toString(16) + ".jar")
        if (jar.exists()) return jar
        java.util.zip.ZipOutputStream(jar.outputStream()).use { zip ->
            directory.walk().filter { it.isFile && (!directory.path.endsWith("test-classes") || isMain(it)) }.forEach {
                zip.putNextEntry(java.util.zip.ZipEntry(it.relativeTo(directory).invariantSeparatorsPath))
                zip.write(it.readBytes())
            }
        }
        return jar
    }

    /** Of the tests' classes those that the program is made of. */
    private fun isMain(
        file: File,
    ) = listOf("ShrunkMain", "Desktop", "JavaContainers", "NoContext").any(file.name::startsWith)

    private fun r8(): File = classPath.single { it.name.startsWith("r8-") }

    private class Ended(val code: Int, val lines: List<String>)

    private fun start(arguments: List<String>): Ended {
        val java = File(System.getProperty("java.home"), "bin/java").path
        val said = File(work, "said")
        val command = ProcessBuilder(listOf(java, "-Xmx1g") + arguments)
        val process = command.redirectErrorStream(true).redirectOutput(said).start()
        if (!process.waitFor(5, TimeUnit.MINUTES)) process.destroyForcibly().waitFor()
        return Ended(process.exitValue(), said.readLines())
    }

    private companion object {
        /** What an app's phone and its React Native have. */
        val PROVIDED = listOf("android-all", "react-classes", "proguard-annotations", "fbjni", "javax.inject", "jsr305")

        /** What is in the app. */
        val PROGRAM = listOf("module/target", "/jna", "kotlin-stdlib", "kotlinx-coroutines", "jetbrains/annotations")
    }
}
