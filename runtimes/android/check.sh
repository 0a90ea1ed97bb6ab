#!/bin/bash
# Compiles the Android library and runs its tests without an Android SDK, a device or Gradle: Kotlin's compiler with
# kotlinx-coroutines, and ExecuTorch's Java API, from npm (tools/package-lock.json); JUnit and Android's own JSON from Debian's
# packages. Android, LiteRT and ML Kit are stubs (stubs/README.md). What cannot be run is said, and is no success.
set -euo pipefail
cd "$(dirname "$0")"
BUILD=build
JARS=$BUILD/jars
mkdir -p "$JARS"

not_run() { echo "not run: $1: $2"; }

have() { command -v "$1" > /dev/null 2>&1; }

for tool in java javac npm; do
    have "$tool" || { not_run "the Android library's tests" "no $tool here (JDK 17 and Node are needed)"; exit 0; }
done

# --- what is needed beside them ---------------------------------------------------------------------------------------
if [ ! -f tools/node_modules/.package-lock.json ] || [ tools/package-lock.json -nt tools/node_modules/.package-lock.json ]; then
    (cd tools && npm ci --silent)
fi
KOTLIN=tools/node_modules/kotlin-compiler/lib
EXECUTORCH=tools/node_modules/react-native-executorch/android/libs/classes.jar

# A jar of a Debian package: of an installed one, else unpacked from the archive here, which takes no rights.
debian_jar() { # package, jar's name
    [ -f "$JARS/$2" ] && return
    if [ -f "/usr/share/java/$2" ]; then cp "/usr/share/java/$2" "$JARS/$2"; return; fi
    have apt-get && have dpkg-deb || return 1
    local folder
    folder=$(mktemp -d "$PWD/$BUILD/deb.XXXXXX")
    (cd "$folder" && apt-get -qq download "$1" 2> /dev/null && dpkg-deb -x "$1"_*.deb .) || true
    cp "$folder/usr/share/java/$2" "$JARS/$2" || true
    rm -rf "$folder"
    [ -f "$JARS/$2" ]
}
for each in junit4:junit4.jar libhamcrest-java:hamcrest-2.2.jar libandroid-json-java:com.android.json-android-10.0.0.jar; do
    debian_jar "${each%%:*}" "${each##*:}" || { not_run "the Android library's tests" "Debian's ${each%%:*} cannot be had here"; exit 0; }
done
LIBS=$JARS/com.android.json-android-10.0.0.jar:$KOTLIN/kotlinx-coroutines-core-jvm.jar
JUNIT=$JARS/junit4.jar:$JARS/hamcrest-2.2.jar

# --- compile ----------------------------------------------------------------------------------------------------------
kotlinc() { # output, class path, sources and options
    local out=$1 path=$2
    shift 2
    rm -rf "$out"
    java -Xmx1g -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -cp "$KOTLIN/kotlin-compiler.jar" org.jetbrains.kotlin.cli.jvm.K2JVMCompiler \
        -kotlin-home tools/node_modules/kotlin-compiler -d "$out" -cp "$path" -Werror -progressive "$@"
}
# Android 8 has Java 8's library, so nothing later may be used.
APP="-jvm-target 1.8 -Xjdk-release=1.8 -Xexplicit-api=strict"
echo "core: compile, against Java 8's library and no Android class"
kotlinc $BUILD/core "$LIBS" $APP -module-name core core/src/main/kotlin

echo "matter and sample: compile, against stubs of Android, LiteRT and ML Kit and ExecuTorch's own Java API"
rm -rf $BUILD/stubs && mkdir -p $BUILD/stubs
javac -nowarn -Xlint:-options --release 17 -d $BUILD/stubs $(find stubs/java -name '*.java')
kotlinc $BUILD/stubs-kotlin "$BUILD/stubs" -jvm-target 17 stubs/kotlin
STUBS=$BUILD/stubs:$BUILD/stubs-kotlin:$EXECUTORCH
kotlinc $BUILD/matter "$BUILD/core:$STUBS:$LIBS" -jvm-target 17 -Xexplicit-api=strict -module-name matter matter/src/main/kotlin
kotlinc $BUILD/sample "$BUILD/matter:$BUILD/core:$STUBS:$LIBS" -jvm-target 17 sample

# The lines that a bundle's README shows, as an app would have them.
guide() { # engines
    local code
    code=$(sed -n '/^```kotlin/,/^```/{/^```/!p}' ../../pam_edge/delivery/bundle/readmes/android.md | sed "s/<<engines>>/$1/; s/<<budget_ms>>/40/")
    printf 'import android.%s\n' app.Application content.Context graphics.Bitmap util.Log widget.ImageView
    echo "import java.io.File"
    grep '^import' <<< "$code"
    echo "suspend fun with$1(application: Application, context: Context, bitmap: Bitmap, exif: Int, mask: Plane, imageView: ImageView, filesDir: File) {"
    grep -v '^import' <<< "$code"
    echo "}"
}
echo "the README of bundles: its lines compile"
rm -rf $BUILD/guide && mkdir -p $BUILD/guide
for each in LiteRtEngines ExecuTorchEngines; do guide $each > $BUILD/guide/$each.kt; done
kotlinc $BUILD/guide-classes "$BUILD/matter:$BUILD/core:$STUBS:$LIBS" -jvm-target 17 $BUILD/guide

echo "tests: compile and run"
kotlinc $BUILD/tests "$BUILD/matter:$BUILD/core:$STUBS:$LIBS:$JUNIT" -jvm-target 17 -Xfriend-paths=$BUILD/core,$BUILD/matter \
    core/src/test/kotlin matter/src/test/kotlin
TESTS=$(cd $BUILD/tests && find . -name '*Test.class' | sed 's|^\./||; s|\.class$||; s|/|.|g' | sort)
RUN=$BUILD/tests:$BUILD/matter:$BUILD/core:$STUBS:$LIBS:$JUNIT:$KOTLIN/kotlin-stdlib.jar
java -Dpamedge.contract=../contract -cp "$RUN" org.junit.runner.JUnitCore $TESTS

if [ -x ../../.venv/bin/pam-edge ]; then
    echo "with Python: what Kotlin writes, judged by pam-edge (the first time an artifact and a kit are made: minutes)"
    ../../.venv/bin/python -P cross.py "$RUN"
else
    not_run "verify and profile import on what Kotlin writes" "no .venv here (make setup)"
fi
not_run "Gradle, a real Android SDK, LiteRT's and ML Kit's own classes, any device" "none of them is here"
