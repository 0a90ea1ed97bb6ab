plugins {
    alias(libs.plugins.android.library)
}

android {
    namespace = "pamedge.android"
    compileSdk = 36

    defaultConfig {
        minSdk = 26
        consumerProguardFiles("consumer-rules.pro")
    }

    compileOptions {
        sourceCompatibility = JavaVersion.VERSION_11
        targetCompatibility = JavaVersion.VERSION_11
    }
}

kotlin {
    explicitApi()
}

dependencies {
    api(project(":core"))
    // An app adds the one that its bundle is for.
    compileOnly(libs.litert)
    compileOnly(libs.executorch)
}
