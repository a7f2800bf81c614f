// upload.js FILE URL DIGEST STORAGE: tus-js-client uploads a file, and goes on with an upload that STORAGE
// knows.

const fs = require('fs')
const tus = require('tus-js-client')

const [file, endpoint, digest, storage] = process.argv.slice(2)
const upload = new tus.Upload(fs.createReadStream(file), {
  endpoint,
  headers: { Digest: digest },
  metadata: { filename: '世界.bin', filetype: 'application/x-tus-js-client' },
  urlStorage: new tus.FileUrlStorage(storage),
  onError(error) {
    console.error(String(error))
    process.exit(1)
  },
})
upload.findPreviousUploads().then((previous) => {
  if (previous.length > 0) upload.resumeFromPreviousUpload(previous[0])
  upload.start()
})
