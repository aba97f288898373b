package com.amana

import groovyjarjarasm.asm.AnnotationVisitor
import groovyjarjarasm.asm.ClassReader
import groovyjarjarasm.asm.ClassVisitor
import groovyjarjarasm.asm.Opcodes
import org.codehaus.groovy.ast.CodeVisitorSupport
import org.codehaus.groovy.ast.expr.MethodCallExpression
import org.codehaus.groovy.ast.expr.VariableExpression
import org.codehaus.groovy.control.CompilationUnit
import org.codehaus.groovy.control.Phases
import org.w3c.dom.Element
import java.io.File
import javax.xml.parsers.DocumentBuilderFactory
import kotlin.test.Test
import kotlin.test.assertEquals
import kotlin.test.assertTrue

/** What Gradle and the system read of the Android half: there is no Android SDK here to do it. */
class BuildFilesTest {
    private val android = File(System.getProperty("amana.android"))

    private fun xml(name: String): Element =
        DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(File(android, name)).documentElement

    @Test
    fun theBuildFileIsGroovy() {
        val unit = CompilationUnit()
        unit.addSource(File(android, "build.gradle"))
        unit.compile(Phases.CONVERSION)
    }

    /** What a task does is kept in Gradle's configuration cache, and neither the script nor the project is. */
    @Test
    fun noTaskAsksTheProjectWhileItRuns() {
        val unit = CompilationUnit()
        val source = unit.addSource(File(android, "build.gradle"))
        unit.compile(Phases.CONVERSION)
        val asked = mutableListOf<String>()
        var actions = 0
        val inAction = object : CodeVisitorSupport() {
            override fun visitMethodCallExpression(call: MethodCallExpression) {
                if (call.isImplicitThis) asked += call.methodAsString
                super.visitMethodCallExpression(call)
            }

            override fun visitVariableExpression(name: VariableExpression) {
                if (name.name in listOf("project", "rootProject", "ext", "android", "this")) asked += name.name
            }
        }
        val inScript = object : CodeVisitorSupport() {
            override fun visitMethodCallExpression(call: MethodCallExpression) {
                if (call.methodAsString in listOf("doFirst", "doLast")) {
                    actions++
                    call.arguments.visit(inAction)
                } else {
                    super.visitMethodCallExpression(call)
                }
            }
        }
        source.ast.statementBlock.visit(inScript)
        assertEquals(1, actions)
        assertEquals(emptyList(), asked)
    }

    /** Android's plugin from version 9 on, with its own Kotlin and its new names, and the plugins before it. */
    @Test
    fun theBuildFileSuitsAndroidsOwnKotlin() {
        val file = File(android, "build.gradle").readLines()
        val lines = file.map { it.substringBefore("//").trim() }.filter { it.isNotEmpty() }
        val applied = lines.indexOfFirst { it.startsWith("apply plugin") && it.contains("kotlin") }
        assertEquals("if (project.extensions.findByName(\"kotlin\") == null) {", lines[applied - 1])
        assertEquals(
            listOf("main.kotlin.srcDir \"generated/kotlin\""),
            lines.filter { it.contains("generated") || it.contains("srcDir") },
        )
        // neither exists for a library there
        assertEquals(emptyList(), lines.filter { it.contains("kotlinOptions") || it.contains("targetSdk") })
        assertTrue(lines.any { it.startsWith("jvmTarget.set(") && it.endsWith(".JVM_17)") })
    }

    /**
     * Lint ends an app's build at a class that calls what the oldest Android does not have, and does not
     * say from which version on it is called.
     */
    @Test
    fun classesThatNeedAndroid9SaySo() {
        val classes = File(AmanaModule::class.java.protectionDomain.codeSource.location.toURI())
        val named = checkNotNull(File(classes, "com/amana").listFiles())
        val needs = named.filter { it.extension == "class" && it.readText(Charsets.ISO_8859_1).contains(BIOMETRICS) }
        assertTrue(needs.size > 1)
        val outermost = needs.map { it.name.substringBefore(".class").substringBefore("$") }.toSet()
        assertEquals(setOf("BiometricPresence"), outermost)
        for (name in outermost) {
            val text = File(needs.first().parentFile, "$name.class").readBytes()
            val from = mutableListOf<Any?>()
            ClassReader(text).accept(
                object : ClassVisitor(Opcodes.ASM9) {
                    override fun visitAnnotation(descriptor: String, isVisible: Boolean): AnnotationVisitor? {
                        if (descriptor != "Landroid/annotation/TargetApi;") return null
                        return object : AnnotationVisitor(Opcodes.ASM9) {
                            override fun visit(key: String, value: Any?) {
                                from += value
                            }
                        }
                    }
                },
                0,
            )
            assertEquals(listOf<Any?>(28), from, name)
        }
    }

    @Test
    fun noPermissionButTwo() {
        val asked = xml("src/main/AndroidManifest.xml").getElementsByTagName("uses-permission")
        val names = List(asked.length) { (asked.item(it) as Element).getAttribute("android:name") }
        assertEquals(listOf("android.permission.INTERNET", "android.permission.USE_BIOMETRIC"), names.sorted())
    }

    @Test
    fun backupsLeaveTheVaultOut() {
        val rules = checkNotNull(File(android, "src/main/res/xml").listFiles()).filter { it.extension == "xml" }
        assertTrue(rules.isNotEmpty())
        for (rule in rules) {
            val excluded = xml("src/main/res/xml/${rule.name}").getElementsByTagName("exclude")
            val paths = List(excluded.length) { (excluded.item(it) as Element).getAttribute("path") }
            assertTrue(paths.any { it.contains("amana") }, rule.name)
        }
    }

    private companion object {
        /** The package that came with Android 9. */
        const val BIOMETRICS = "android/hardware/biometrics"
    }
}
