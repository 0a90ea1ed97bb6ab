import org.jetbrains.kotlin.gradle.dsl.JvmTarget

plugins {
    `java-library`
    alias(libs.plugins.kotlin.jvm)
}

java {
    sourceCompatibility = JavaVersion.VERSION_1_8
    targetCompatibility = JavaVersion.VERSION_1_8
}

kotlin {
    explicitApi()
    compilerOptions {
        jvmTarget = JvmTarget.JVM_1_8
        // Android 8 has Java 8's library, so nothing later may be used.
        freeCompilerArgs.add("-Xjdk-release=1.8")
    }
}

dependencies {
    api(libs.coroutines.core)
    compileOnly(libs.json) // Android has its own
    testImplementation(libs.json)
    testImplementation(libs.junit)
}

tasks.test {
    systemProperty("pamedge.contract", rootDir.resolve("../contract").path)
}
