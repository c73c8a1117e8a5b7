# cmake -DSOURCE=web -DOUT=folder -DNPM=npm -P build_web.cmake
#
# Builds the page into OUT. The packages in SOURCE/node_modules are installed when they are not those of the lock file (`./dev deps`
# does the same, so that a build needs no network after it). Build folders share them, hence the lock.
file(LOCK "${SOURCE}/.packages.lock" GUARD PROCESS TIMEOUT 600)
set(stamp "${SOURCE}/node_modules/.installed-lock.json")
file(SHA256 "${SOURCE}/package-lock.json" wanted)
set(installed "")
if(EXISTS "${stamp}")
  file(SHA256 "${stamp}" installed)
endif()
if(NOT installed STREQUAL wanted)
  message(STATUS "Installing the page's packages of web/package-lock.json")
  execute_process(COMMAND "${NPM}" ci --no-audit --no-fund --loglevel=error
                  WORKING_DIRECTORY "${SOURCE}" RESULT_VARIABLE status)
  if(NOT status EQUAL 0)
    message(FATAL_ERROR "npm ci failed in ${SOURCE}; with a network, `./dev deps build` installs what the page is built with")
  endif()
  file(COPY_FILE "${SOURCE}/package-lock.json" "${stamp}")
endif()
if(NOT OUT)
  return()
endif()
execute_process(COMMAND "${CMAKE_COMMAND}" -E env "WAYBILL_WEB_OUT=${OUT}" "${NPM}" run build --silent -- --logLevel warn
                WORKING_DIRECTORY "${SOURCE}" RESULT_VARIABLE status)
if(NOT status EQUAL 0)
  message(FATAL_ERROR "building the page in ${SOURCE} failed")
endif()
